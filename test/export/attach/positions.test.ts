import { describe, expect, test } from "vitest";
import { float32ToHalf } from "../../../src/data/half.ts";
import { attach } from "../../../src/export/attach/attach.ts";
import { decodeModel, encodeModel, metadataOf } from "../../../src/onnx/model.ts";
import type { Model } from "../../../src/onnx/proto.ts";
import { valueInfo } from "../../../src/onnx/tensors.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import type { Tensors } from "../../../src/runtime/session.ts";
import { tensor } from "../../../src/util/tensor.ts";
import { autoencoder, encoder, exposing, runBytes } from "./running.ts";
import { feeds, inHalf, inOpset, stream, transformer, width } from "./transformer.ts";

const [texts, length] = feeds.x.dims as [number, number];

type Where = { positions?: { from: number; to: number }; mask?: boolean };

/** The stream of a model whose stream is changed at some places; everywhere without any. */
async function streamOf(model: Model, where: Where | undefined, given: Tensors = feeds) {
  const host = { bytes: encodeModel(exposing(model, stream)), file: "lm.onnx" };
  if (!where) return (await runBytes(cpu, host.bytes, given)).exposed!.data;
  const options = { tensor: stream, reconstruct: true, ...where };
  const { bytes } = attach(host, { model: autoencoder, file: "sae.onnx" }, options);
  return (await runBytes(cpu, bytes, given)).exposed!.data;
}

/** Where the stream of two runs has other bits, as `text:position`. */
function changedAt(one: ArrayLike<unknown>, other: ArrayLike<unknown>): string[] {
  const rows = Array.from({ length: texts * length }, (_, row) => row);
  const differs = (row: number) =>
    Array.from({ length: width }, (_, i) => row * width + i).some((at) => one[at] !== other[at]);
  return rows.filter(differs).map((row) => `${Math.floor(row / length)}:${row % length}`);
}

const places = (wanted: (position: number, text: number) => boolean) =>
  Array.from({ length: texts * length }, (_, row) => [Math.floor(row / length), row % length] as const)
    .filter(([text, position]) => wanted(position, text))
    .map(([text, position]) => `${text}:${position}`);

describe("only some positions are changed, the others stay bit for bit", () => {
  test.each([
    ["1..", { from: 1, to: -1 }, (at: number) => at >= 1],
    ["1..3", { from: 1, to: 3 }, (at: number) => at >= 1 && at <= 3],
    ["0", { from: 0, to: 0 }, (at: number) => at === 0],
    ["-1", { from: -1, to: -1 }, (at: number) => at === length - 1],
    ["-3..-2", { from: -3, to: -2 }, (at: number) => at === length - 3 || at === length - 2],
  ] as const)("%s", async (_, positions, wanted) => {
    const model = transformer();
    const [plain, all, some] = [
      await streamOf(model, undefined),
      await streamOf(model, {}),
      await streamOf(model, { positions }),
    ];
    expect(changedAt(plain, all)).toHaveLength(texts * length);
    expect(changedAt(plain, some)).toEqual(places(wanted));
    expect(changedAt(all, some)).toEqual(places((at) => !wanted(at)));
  });

  test.each([
    ["opset 11", inOpset(transformer(), 11), feeds],
    ["float16", inHalf(transformer()), { x: tensor("float16", feeds.x.dims, float32ToHalf(feeds.x.data)) }],
  ])("in %s", async (_, model, given) => {
    const [plain, some] = [
      await streamOf(model, undefined, given),
      await streamOf(model, { positions: { from: 1, to: -1 } }, given),
    ];
    expect(changedAt(plain, some)).toEqual(places((at) => at >= 1));
  });

  test("by position_ids, where the model has them", async () => {
    const model = transformer();
    model.graph!.input!.push(valueInfo("position_ids", "int64", ["batch", "seq"]));
    const position_ids = tensor(
      "int64",
      [texts, length],
      BigInt64Array.from({ length: texts * length }, (_, i) => BigInt((i * 7) % 5)),
    );
    const given = { ...feeds, position_ids };
    const [plain, some] = [
      await streamOf(model, undefined, given),
      await streamOf(model, { positions: { from: 2, to: 3 } }, given),
    ];
    expect(changedAt(plain, some)).toEqual(places((at, text) => [2, 3].includes(((text * length + at) * 7) % 5)));
  });

  test("by a cache of earlier tokens, where it has one", async () => {
    const model = transformer();
    model.graph!.input!.push(valueInfo("past_key_values.0.key", "float32", ["batch", 2, "past", 4]));
    const past = tensor("float32", [texts, 2, 3, 4], new Float32Array(texts * 24));
    const given = { ...feeds, "past_key_values.0.key": past };
    const [plain, some] = [
      await streamOf(model, undefined, given),
      await streamOf(model, { positions: { from: 1, to: 4 } }, given),
    ];
    expect(changedAt(plain, some)).toEqual(places((at) => at + 3 <= 4));
  });

  test("by a mask that is fed", async () => {
    const wanted = (at: number, text: number) => (at + text) % 2 === 0;
    const sae_mask = tensor(
      "bool",
      [texts, length],
      Uint8Array.from({ length: texts * length }, (_, row) => Number(wanted(row % length, Math.floor(row / length)))),
    );
    const [plain, some] = [
      await streamOf(transformer(), undefined),
      await streamOf(transformer(), { mask: true }, { ...feeds, sae_mask }),
    ];
    expect(changedAt(plain, some)).toEqual(places(wanted));
  });
});

describe("is refused", () => {
  const host = { bytes: encodeModel(transformer()), file: "lm.onnx" };
  const positions = { from: 1, to: -1 };
  test.each([
    [
      "nothing changed",
      { positions },
      /--positions: says where the activation is changed; add --reconstruct or --steer/,
    ],
    ["both", { positions, mask: true, reconstruct: true }, /--positions and --mask both say where; give one of them/],
  ])("%s", (_, options, message) => {
    expect(() => attach(host, { model: autoencoder, file: "sae.onnx" }, { tensor: stream, ...options })).toThrow(
      message,
    );
  });
});

describe("a caution says where the SAE was trained", () => {
  const from = (origin: object): Model => ({
    ...autoencoder,
    metadataProps: [
      ...autoencoder.metadataProps!.filter(({ key }) => key !== "origin"),
      { key: "origin", value: JSON.stringify(origin) },
    ],
  });
  const cautions = (origin: object, options: object = {}) =>
    attach(
      { bytes: encodeModel(transformer()), file: "lm.onnx" },
      { model: from(origin), file: "sae.onnx" },
      { tensor: stream, ...options },
    ).cautions;

  test("nowhere else: nothing is said", () => {
    expect(cautions({ hook: "blocks.0", positions: "all" }, { reconstruct: true })).toEqual([]);
    expect(metadataOf(decodeModel(encodeModel(encoder), "e")).part).toBe("encoder");
  });
  test.each([
    ["after another block", { hook: "blocks.1" }, {}, /trained on rows of blocks.1 .*, and is put on blocks.0/],
    ["in a model with more blocks", { hook: "blocks.7" }, {}, /trained on rows of blocks.7, which lm.onnx has not/],
    [
      "in another model",
      { hook: "blocks.0", module: "h.0" },
      {},
      /rows of h.0, here blocks.0 is layer.0: another model\?/,
    ],
    [
      "at other positions",
      { hook: "blocks.0", positions: "1.." },
      { reconstruct: true },
      /rows at positions 1.., and takes/,
    ],
  ])("%s", (_, origin, options, message) => {
    expect(cautions(origin, options)).toEqual([expect.stringMatching(message)]);
  });
});
