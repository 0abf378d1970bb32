import { expect, test } from "vitest";
import type { Attribute, Node, TensorProto } from "../../src/onnx/proto.ts";
import { tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { widthOf } from "../../src/onnx/width.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { host, node } from "../export/attach/hosts.ts";

const int = (name: string, i: number): Attribute => ({ name, type: 2, i });
const weights = (...shapes: number[][]): TensorProto[] =>
  shapes.map((dims) =>
    tensorProto(`W${dims.join("x")}`, tensor("float32", dims, new Float32Array(dims.reduce((a, b) => a * b, 1)))),
  );
const all = [
  ...weights([8, 12], [12, 8], [5, 8], [12], [1], [], [2, 8, 12]),
  tensorProto("to 24", int64s([0, -1, 24])),
  tensorProto("to any", int64s([0, 24, -1])),
];
const perm = { name: "perm", type: 7, ints: [1, 0] };

/** The width of `v`, with x declared 8 wide. */
const width = (...nodes: Node[]) =>
  widthOf(host({ nodes, weights: all, inputs: [valueInfo("x", "float32", ["batch", 8])] }), "v");

test.each<[string, Node[], number | undefined]>([
  ["an input", [node("v = Identity(x)")], 8],
  ["a product", [node("v = MatMul(x, W8x12)")], 12],
  ["a product of three dims", [node("v = MatMul(x, W2x8x12)")], 12],
  ["a product with a vector", [node("v = MatMul(x, W12)")], undefined],
  ["Gemm", [node("v = Gemm(x, W8x12)", int("transB", 0))], 12],
  ["Gemm, transposed", [node("v = Gemm(x, W12x8)", int("transB", 1))], 12],
  ["weights turned", [node("w = Transpose(W12x8)", perm), node("v = MatMul(x, w)")], 12],
  ["weights turned, by default", [node("w = Transpose(W12x8)"), node("v = MatMul(x, w)")], 12],
  ["quantised weights", [node("w = DequantizeLinear(W8x12, W1)"), node("v = MatMul(x, w)")], 12],
  ["weights of a few bits", [node("v = ms.MatMulNBits(x, q, s)", int("N", 12))], 12],
  ["a bias and an activation", [node("p = MatMul(x, W8x12)"), node("q = Add(p, W12)"), node("v = Gelu(q)")], 12],
  ["a scalar times a row", [node("v = Mul(W, x)")], 8],
  ["something unknown and a bias", [node("p = NonZero(x)"), node("v = Add(p, W12)")], 12],
  ["something unknown and a scalar", [node("p = NonZero(x)"), node("v = Add(p, W1)")], undefined],
  ["rows of a table", [node("v = Gather(W5x8, ids)")], 8],
  ["columns of a table", [node("v = Gather(W5x8, ids)", int("axis", 1))], undefined],
  ["another shape", [node("v = Reshape(x, to 24)")], 24],
  ["a shape that is not all said", [node("v = Reshape(x, to any)")], undefined],
  ["side by side", [node("p = MatMul(x, W8x12)"), node("v = Concat(x, p)", int("axis", -1))], 20],
  ["one under another", [node("v = Concat(x, x)", int("axis", 0))], 8],
  ["a part", [node("v = Slice(x, a, b)")], undefined],
  ["normalised", [node("v = LayerNormalization(x, W12)")], 8],
  [
    "a constant of a node",
    [{ ...node("w = Constant()"), attribute: [{ name: "value", type: 4, t: all[0]! }] }, node("v = MatMul(x, w)")],
    12,
  ],
])("%s", (_, nodes, expected) => {
  expect(width(...nodes)).toBe(expected);
});

test("an op that a function of the model stands for is not followed", () => {
  const model = host({ nodes: [node("v = MatMul(x, W8x12)")], weights: all });
  expect(widthOf(model, "v")).toBe(12);
  expect(widthOf({ ...model, functions: [{ name: "MatMul", domain: "" }] }, "v")).toBeUndefined();
});
