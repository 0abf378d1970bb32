import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { batchesByLength } from "../../src/harvest/batches.ts";
import { batchOf, feedsOf, type ModelInput } from "../../src/harvest/inputs.ts";
import { openLanguageModel, openTapped, tapsCalled } from "../../src/harvest/model.node.ts";
import type { EncodedText } from "../../src/harvest/text/texts.node.ts";
import { openThinker } from "../../src/harvest/thoughts.node.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Graph, Model, Node } from "../../src/onnx/proto.ts";
import { tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { tensor } from "../../src/util/tensor.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const text = (...ids: number[]): EncodedText => ({
  ...{ number: 0, text: undefined, ids: Int32Array.from(ids), special: new Uint8Array(ids.length) },
  ...{ offsets: undefined, mask: undefined, inputs: {} },
});

describe("inputs of published decoders", () => {
  const batch = batchOf([text(5, 6, 7), text(8, 9)]);
  const fed = (name: string, dtype: ModelInput["dtype"], ...shape: (number | string)[]) => {
    const { dims, data } = feedsOf([{ name, dtype, shape }], batch, "lm.onnx")[name]!;
    return [dims, Array.from(data as ArrayLike<number | bigint>, Number)];
  };
  test.each([
    ["input_ids", "int64", ["b", "s"], [2, 3], [5, 6, 7, 8, 9, 0]],
    ["attention_mask", "int64", ["b", "s"], [2, 3], [1, 1, 1, 1, 1, 0]],
    ["position_ids", "int64", ["b", "s"], [2, 3], [0, 1, 2, 0, 1, 2]],
    ["token_type_ids", "int32", ["b", "s"], [2, 3], [0, 0, 0, 0, 0, 0]],
    ["past_key_values.0.key", "float32", ["b", 4, "past", 16], [2, 4, 0, 16], []],
    ["past_key_values.11.value", "float16", ["b", 4, "past", 16], [2, 4, 0, 16], []],
    ["use_cache_branch", "bool", [1], [1], [0]],
    ["num_logits_to_keep", "int64", [], [], [0]],
    ["cache_position", "int64", ["s"], [3], [0, 1, 2]],
  ] as const)("%s", (name, dtype, shape, dims, data) => {
    expect(fed(name, dtype, ...shape)).toEqual([dims, data]);
  });
});

test("batches are of like length, of so many tokens at most, and have every text once", () => {
  const lengths = [5, 40, 6, 5, 0, 100, 41, 6, 5];
  expect(batchesByLength(lengths, 18, true)).toEqual([[0, 3, 8], [2, 7], [1], [6], [5]]);
  expect(batchesByLength(lengths, 90, true)).toEqual([[0, 3, 8], [2, 7], [1, 6], [5]]);
  expect(batchesByLength(lengths, 1000, false)).toEqual([[0, 3, 8], [2, 7], [1], [6], [5]]);
});

/** A model of some nodes in a file. */
const save = (name: string, node: Node[], graph: Partial<Graph>) => {
  const path = join(folder, name);
  const model: Model = {
    ...{
      irVersion: 8,
      opsetImport: [
        { domain: "", version: 17 },
        { domain: "com.microsoft", version: 1 },
      ],
    },
    graph: { name: "lm", node, ...graph },
  };
  writeFileSync(path, encodeModel(model));
  return path;
};

test("a sum that no node gives yet is read", async () => {
  const E = tensor("float32", [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const file = save(
    "fused.onnx",
    [
      { opType: "Gather", name: "/embed/Gather", input: ["E", "input_ids"], output: ["x"] },
      { opType: "MatMul", name: "/model/layers.0/mlp/MatMul", input: ["x", "W"], output: ["m"] },
      { opType: "Mul", name: "/model/layers.0/Mul", input: ["x", "two"], output: ["d"] },
      {
        ...{
          opType: "SkipLayerNormalization",
          domain: "com.microsoft",
          name: "/model/layers.1/final_norm/SkipLayerNorm",
        },
        ...{ input: ["d", "m", "gamma"], output: ["n"] },
      },
    ],
    {
      initializer: [
        tensorProto("E", E),
        tensorProto("W", tensor("float32", [2, 2], Float32Array.of(0, 1, 1, 0))),
        tensorProto("two", tensor("float32", [], Float32Array.of(2))),
        tensorProto("gamma", tensor("float32", [2], Float32Array.of(1, 1))),
      ],
      input: [valueInfo("input_ids", "int64", ["b", "s"])],
      output: [valueInfo("n", "float32", ["b", "s", 2])],
    },
  );
  const model = await openLanguageModel(file);
  const taps = tapsCalled(model, ["blocks.0"]);
  expect(taps[0]!.value.name).toBe("/model/layers.1/final_norm/SkipLayerNorm:3");
  const tapped = await openTapped(model, taps, { threads: 1 });
  const { taps: values } = await tapped.run([text(3, 0)]);
  await tapped.release();
  // 2 (7, 8) + (8, 7), 2 (1, 2) + (2, 1).
  expect(Array.from(values["blocks.0"]!.data)).toEqual([22, 23, 4, 5]);
});

test("a thought is the last state, fed back", async () => {
  const rows = (name: string) => valueInfo(name, "float32", ["b", "s", 2]);
  const cumulated: Node[] = [
    { opType: "CumSum", name: "/model/layers.0/CumSum", input: ["inputs_embeds", "one"], output: ["sum"] },
    { opType: "MatMul", name: "/model/layers.0/MatMul", input: ["sum", "W"], output: ["last_hidden_state"] },
  ];
  const weights = {
    initializer: [
      tensorProto("W", tensor("float32", [2, 2], Float32Array.of(0.5, 0, 0.25, -1))),
      tensorProto("one", tensor("int64", [], BigInt64Array.of(1n))),
    ],
  };
  const file = save("thinks.onnx", cumulated, {
    ...weights,
    input: [rows("inputs_embeds")],
    output: [rows("last_hidden_state")],
  });
  const embeddings = save(
    "embed_tokens.onnx",
    [{ opType: "Gather", name: "gather", input: ["E", "input_ids"], output: ["inputs_embeds"] }],
    {
      initializer: [tensorProto("E", tensor("float32", [3, 2], Float32Array.of(1, 0, 0, 1, 2, 2)))],
      input: [valueInfo("input_ids", "int64", ["b", "s"])],
      output: [rows("inputs_embeds")],
    },
  );
  const projection = save("projection.onnx", [{ opType: "Neg", name: "neg", input: ["h"], output: ["e"] }], {
    input: [valueInfo("h", "float32", ["b", 2])],
    output: [valueInfo("e", "float32", ["b", 2])],
  });
  const model = await openLanguageModel(file);
  const thinker = await openThinker(model, tapsCalled(model, ["sum"]), { count: 3, embeddings, projection }, 1);
  const rowsOf = (await thinker.read([text(0, 1), text(2, 2)]))("sum");
  await thinker.release();
  const state = ([a, b]: number[]) => [0.5 * a! + 0.25 * b!, -b!];
  for (const [place, start] of [
    [1, 1],
    [4, 4],
  ].entries()) {
    let sum = start;
    for (let thought = 0; thought < 3; thought++) {
      const next = state(sum).map((one) => -one);
      sum = sum.map((one, i) => one + next[i]!);
      expect(Array.from(rowsOf.rowAt(place, thought))).toEqual(sum);
    }
  }
  const plain = await openLanguageModel(embeddings);
  await expect(openThinker(plain, [], { count: 1, embeddings }, 1)).rejects.toThrow(/has no input inputs_embeds/);
});
