import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { decoderOf } from "../../src/evaluate/parts.ts";
import { parseUnembedding, promotedBy } from "../../src/features/unembedding.ts";
import { splitExternalData } from "../../src/onnx/external.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model.ts";
import { hostTensor } from "../../src/onnx/tensors.ts";
import { readUnembedding } from "../../src/pipeline/unembedding.node.ts";
import { recognised } from "../../src/worker/recognise.ts";
import { temporaryFolder } from "../cli/run.ts";
import { matrix, refusal } from "../data/helpers.ts";

const folder = "test/fixtures/features";
const bytes = readFileSync(`${folder}/unembedding.npy`);
const witness: {
  features: Record<"promoted" | "suppressed", readonly (readonly [number, number])[]>[];
} = JSON.parse(readFileSync(`${folder}/witness.json`, "utf8"));

test("of one latent: the tokens that NumPy finds, the most extreme first", () => {
  const unembedding = parseUnembedding(bytes, "unembedding.npy");
  const model = decodeModel(readFileSync(`${folder}/both-signs.onnx`), "model");
  const { data, dims } = decoderOf(model, 10)!;
  for (const [latent, wanted] of witness.features.entries()) {
    const found = promotedBy(data.subarray(latent * dims[1]!, (latent + 1) * dims[1]!), unembedding, 10);
    for (const side of ["promoted", "suppressed"] as const) {
      expect(found[side].map(({ index }) => index)).toEqual(wanted[side].map(([token]) => token));
      for (const [i, { value }] of found[side].entries()) expect(value).toBeCloseTo(wanted[side][i]![1], 5);
    }
  }
});

describe("where it is found", () => {
  test("in a language model: what its logits are made with, a row a token", () => {
    const file = readFileSync("test/fixtures/effect/model.onnx");
    const found = parseUnembedding(file, "model.onnx");
    expect(found.dims).toEqual([64, 16]);
    const { graph } = decodeModel(file, "model.onnx");
    const last = graph!.node!.find(({ output }) => output!.includes("logits"))!;
    const kept = hostTensor(graph!.initializer!.find(({ name }) => name === last.input![1])!).data;
    for (const [token, at] of [
      [0, 0],
      [63, 5],
      [7, 15],
    ] as const)
      expect(found.data[token * 16 + at]).toBe(kept[at * 64 + token]);
  });

  test("in the weights beside a language model", async () => {
    const file = readFileSync("test/fixtures/effect/model.onnx");
    const { model, parts } = splitExternalData(decodeModel(file, "model.onnx"), "weights.data");
    const path = join(temporaryFolder(), "model.onnx");
    const data = join(path, "..", "weights.data");
    writeFileSync(path, encodeModel(model));
    expect(await refusal(() => readUnembedding(path, {}))).toBe(
      `${data}: no such file, the model keeps weights there; put it beside the model`,
    );
    const end = Math.max(...parts.map(({ offset, bytes }) => offset + bytes.length));
    const all = new Uint8Array(end);
    for (const { offset, bytes } of parts) all.set(bytes, offset);
    writeFileSync(data, all);
    expect(await readUnembedding(path, {})).toEqual(parseUnembedding(file, "model.onnx"));
    truncateSync(data, 4096);
    expect(await refusal(() => readUnembedding(path, {}))).toContain(`${data}: cut short, it has 4096 bytes, tensor `);
  });

  test("among other matrices, by what it is called", () => {
    const both = { "model.embed_tokens.weight": matrix([1, 2], [3, 4]), "lm_head.weight": matrix([5, 6]) };
    expect([...parseUnembedding(writeSafetensors(both), "model.safetensors").data]).toEqual([5, 6]);
    expect(recognised(writeSafetensors(both), "model.safetensors")).toMatchObject({ kind: "unembedding", width: 2 });
    expect(recognised(bytes, "lm_head.npy").kind).toBe("unembedding");
    expect(recognised(bytes, "rows.npy").kind).toBe("activations");
  });

  test("not in a model that makes no logits", () => {
    const sae = readFileSync(`${folder}/both-signs.onnx`);
    expect(() => parseUnembedding(sae, "sae.onnx")).toThrow("its logits are no product with a float32 matrix");
  });
});
