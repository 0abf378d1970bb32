import { describe, expect, test } from "vitest";
import { encodeModel } from "../../src/onnx/model.ts";
import { toOpset } from "../../src/onnx/opsets.ts";
import type { Graph, Model, Node } from "../../src/onnx/proto.ts";
import { hostTensor, tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";

const x = tensor("float32", [2, 3, 1], Float32Array.of(1, -2, 3, 4, 5, -6));
const axes = { name: "axes", type: 7, ints: [1] };
const initializer = [tensorProto("axis", int64s([1])), tensorProto("last", int64s([2]))];

/** A graph from x to y at some opset. */
const graph = (node: Node): Graph => ({
  name: "g",
  node: [{ ...node, output: ["y"] }],
  initializer,
  input: [valueInfo("x", "float32", [2, 3, 1])],
  output: [{ name: "y", type: { tensorType: { elemType: 1 } } }],
});
async function run(of: Graph, version: number) {
  const model: Model = { irVersion: 8, opsetImport: [{ domain: "", version }], graph: of };
  const session = await cpu.open({ bytes: encodeModel(model), external: [] });
  return session.run({ x }).finally(() => session.release());
}

const reduce = ["ReduceMax", "ReduceMin", "ReduceMean", "ReduceSumSquare", "ReduceL2"];
const rows: [string, number, number, Node][] = [
  ...reduce.flatMap((opType): [string, number, number, Node][] => [
    [opType, 17, 18, { opType, input: ["x"], attribute: [axes] }],
    [opType, 18, 17, { opType, input: ["x", "axis"] }],
    [opType, 17, 13, { opType, input: ["x"], attribute: [axes] }],
    [opType, 13, 23, { opType, input: ["x"] }],
  ]),
  ["ReduceSum", 17, 11, { opType: "ReduceSum", input: ["x", "axis"] }],
  ["ReduceSum", 11, 17, { opType: "ReduceSum", input: ["x"], attribute: [axes] }],
  ["Squeeze", 17, 12, { opType: "Squeeze", input: ["x", "last"] }],
  ["Squeeze", 12, 21, { opType: "Squeeze", input: ["x"], attribute: [{ ...axes, ints: [2] }] }],
  ["Unsqueeze", 17, 11, { opType: "Unsqueeze", input: ["x", "axis"] }],
  ["Unsqueeze", 11, 23, { opType: "Unsqueeze", input: ["x"], attribute: [axes] }],
  ["Abs", 17, 26, { opType: "Abs", input: ["x"] }],
  ["Squeeze", 17, 25, { opType: "Squeeze", input: ["x", "last"] }],
  ["Abs", 17, 23, { opType: "Abs", input: ["x"] }],
  ["Clip", 17, 11, { opType: "Clip", input: ["x"] }],
];

test.each(rows)("%s of opset %d says the same in opset %d", async (_, from, to, node) => {
  const before = graph(node);
  const after = toOpset(before, from, to, "m");
  expect(await run(after, to)).toEqual(await run(before, from));
});

describe("refused by name", () => {
  test.each<[string, number, number, Node, RegExp]>([
    [
      "an op that is not in the table",
      17,
      21,
      { opType: "GridSample", input: ["x"] },
      /GridSample of opset 17 has no known equal in opset 21; convert the model, in Python: onnx\.version_converter\.convert_version\(model, 17\)$/,
    ],
    ["another domain", 17, 21, { opType: "Gelu", domain: "com.microsoft", input: ["x"] }, /Gelu of opset 17/],
    ["an op that was another then", 17, 11, { opType: "Softmax", input: ["x"] }, /Softmax/],
    [
      "an attribute that came later",
      17,
      15,
      { opType: "ScatterElements", input: ["x"], attribute: [{ name: "reduction", type: 3 }] },
      /ScatterElements of opset 17/,
    ],
    ["axes that are computed", 17, 11, { opType: "Squeeze", input: ["x", "computed"] }, /Squeeze/],
    [
      "opsets out of reach",
      17,
      10,
      { opType: "Abs", input: ["x"] },
      /m: opsets 17 and 10 cannot be reconciled, only 11 to 26 can; convert the model, in Python: onnx/,
    ],
  ])("%s", (_, from, to, node, message) => {
    expect(() => toOpset(graph(node), from, to, "m")).toThrow(message);
  });
});

test("the same opset is left as it is", () => {
  const one = graph({ opType: "GridSample", input: ["x"] });
  expect(toOpset(one, 17, 17, "m")).toBe(one);
  expect(hostTensor(initializer[0]!).data).toEqual(BigInt64Array.of(1n));
});
