import { describe, expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import { scan } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { OpType } from "../../src/graph/opset.ts";
import { type Attributes, scope, type Value } from "../../src/graph/value.ts";
import { checkModel, requireFit } from "../../src/onnx/check.ts";
import { type KernelProvider, kernelProviders } from "../../src/onnx/kernels.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { rules } from "../../src/onnx/rules.ts";
import { type DType, tensor } from "../../src/util/tensor.ts";

const x = op.input("float32", [4, 6]);
const half = op.input("float16", [4, 6]);
const two = op.input("float32", [4, 2]);
const at = op.input("int64", [4, 2]);
const fixed = (dims: [number, number], ...places: number[]) =>
  op.constant(tensor("int64", dims, BigInt64Array.from(places, BigInt)));

const emit = (name: OpType, inputs: readonly Value[], attributes: Attributes, ...out: DType[]) =>
  op.emit(name, inputs, attributes, out.length > 0 ? out : [inputs[0]!.dtype])[0]!;
const reduced = (name: OpType) => emit(name, [x], { axes: [1], keepdims: 1 });
const elements = (indices: Value, attributes: Attributes = {}, of: Value = x) =>
  emit("ScatterElements", [of, indices, of === x ? two : op.cast(two, of.dtype)], { axis: 1, ...attributes });
const rows = (indices: Value, attributes: Attributes = {}) => emit("ScatterND", [x, indices, x], attributes);
const top = (of: Value<"float32"> = x) => op.topK(of, 2).indices;
const scanned = (width: number | string) => {
  const [W, data] = [op.input("float32", [width]), op.input("float32", [3, width])];
  const body = (carried: { W: Value<"float32"> }, { data: row }: { data: Value<"float32"> }) => ({
    state: { W: op.add(carried.W, row) },
    outputs: {},
  });
  return scan({ state: { W }, over: { data }, body }).state.W;
};

/** Inputs of the graph behind a value. */
function inputsOf(value: Value, seen = new Set<Value>()): Set<Value> {
  const { node } = value;
  if (node.kind === "input") seen.add(value);
  else if (node.kind === "op") for (const one of node.inputs) inputsOf(one, seen);
  return seen;
}

/** A model of what is built in a scope. */
function modelOf(build: () => Value): Model {
  const y = scope("train/part", build);
  return buildModel({ inputs: Object.fromEntries([...inputsOf(y)].map((one, i) => [`x${i}`, one])), outputs: { y } });
}

const gpus = ["cuda", "webgpu"] as const;
const cuda = ["cuda"] as const;

/** What is refused, where, and why; what is close to it and is not. */
const cases: readonly (readonly [
  what: string,
  where: readonly KernelProvider[],
  why: RegExp,
  refused: Readonly<Record<string, () => Value>>,
  fine: Readonly<Record<string, () => Value>>,
])[] = [
  [
    "reductions of cuDNN",
    cuda,
    /cuDNN/,
    { ReduceMax: () => reduced("ReduceMax"), ReduceMin: () => reduced("ReduceMin") },
    { ReduceSum: () => op.reduceSum(x, { axes: [1] }), ReduceMean: () => reduced("ReduceMean") },
  ],
  [
    "integers scattered with a reduction",
    cuda,
    /as if they were floats/,
    {
      "added, int32": () => elements(top(), { reduction: "add" }, op.cast(x, "int32")),
      "added, int64": () =>
        elements(fixed([4, 2], ...[0, 1, 0, 1, 0, 1, 0, 1]), { reduction: "add" }, op.input("int64", [4, 6])),
      multiplied: () => elements(top(), { reduction: "mul" }, op.cast(x, "int32")),
    },
    { replaced: () => elements(top(), {}, op.cast(x, "int32")) },
  ],
  [
    "replacing where indices may repeat",
    gpus,
    /indices that repeat/,
    {
      "computed rows": () => rows(op.input("int64", [4, 1])),
      "the same row twice": () => rows(fixed([4, 1], 0, 1, 1, 3)),
      "the same row from the other end": () => rows(fixed([4, 1], 0, 1, 2, -1)),
      "computed entries": () => elements(at),
      "the same entry twice": () => elements(fixed([4, 2], ...[0, 1, 2, 2, 0, 1, 0, 1])),
      "a TopK's, along another axis": () => emit("ScatterElements", [x, top(), two], { axis: 0 }),
      "a TopK's values made indices": () => elements(op.cast(op.topK(x, 2).values, "int64")),
    },
    {
      "different rows": () => rows(fixed([4, 1], 3, 1, 2, 0)),
      "different entries of each row": () => elements(fixed([4, 2], ...[0, 1, 1, 0, 5, 4, 0, 1])),
      "different entries down the columns": () =>
        emit("ScatterElements", [x, fixed([4, 2], ...[0, 0, 1, 1, 2, 2, 3, 3]), two], { axis: 0 }),
      "a TopK's": () => elements(top()),
      "a TopK's, axis from the end": () => elements(top(), { axis: -1 }),
    },
  ],
  [
    "adding floats where indices may repeat",
    gpus,
    /order of chance/,
    {
      "computed rows": () => rows(op.input("int64", [4, 1]), { reduction: "add" }),
      "computed entries": () => elements(at, { reduction: "add" }),
    },
    {
      "a TopK's": () => elements(top(), { reduction: "add" }),
      "different rows": () => rows(fixed([4, 1], 3, 1, 2, 0), { reduction: "add" }),
    },
  ],
  [
    "a K that is computed",
    gpus,
    /K must be a constant/,
    { TopK: () => emit("TopK", [x, op.input("int64", [1])], { axis: -1 }, "float32", "int64") },
    { TopK: () => emit("TopK", [x, op.ints(2)], { axis: -1 }, "float32", "int64") },
  ],
  [
    "an unsorted TopK",
    gpus,
    /order of each provider's own/,
    { TopK: () => emit("TopK", [x, op.ints(2)], { axis: -1, sorted: 0 }, "float32", "int64") },
    { TopK: () => emit("TopK", [x, op.ints(2)], { axis: -1, sorted: 1 }, "float32", "int64") },
  ],
  [
    "computing in float16",
    ["webgpu"],
    /shader-f16/,
    {
      "of float16": () => emit("Neg", [half], {}),
      "casting to it": () => op.cast(x, "float16"),
      "casting from it": () => op.cast(half, "float32"),
    },
    { "weights stored in it": () => op.cast(op.constant(tensor("float16", [2], Uint16Array.of(0, 1))), "float32") },
  ],
  [
    "shapes that change in a Scan",
    cuda,
    /must be numbers/,
    { "a symbolic width": () => scanned("width") },
    { "a fixed width": () => scanned(8) },
  ],
];

describe.each(cases)("%s", (_, where, why, refused, fine) => {
  test.each(Object.entries(refused))("%s: refused there, by the node's scoped name, and nowhere else", (_, build) => {
    const model = modelOf(build);
    for (const provider of kernelProviders) {
      const found = checkModel(model, provider).filter((one) => why.test(one.why));
      expect(
        found.map(({ node }) => node.replace(/_\d+$/, "")),
        provider,
      ).toEqual((where as readonly string[]).includes(provider) ? [expect.stringMatching(/^train\/part\/\w+$/)] : []);
    }
    expect(() => requireFit(model, where[0]!, "a.onnx")).toThrow(/^a\.onnx: train\/part\/\w+_\d+: /);
  });

  test.each(Object.entries(fine))("%s is fine", (_, build) => {
    const found = where.flatMap((provider) => checkModel(modelOf(build), provider));
    expect(found.filter((one) => why.test(one.why))).toEqual([]);
  });
});

test("every rule has its case", () => {
  for (const { why } of rules) expect(cases.filter(([, , reason]) => reason.test(why)).length, why).toBe(1);
  expect(cases.length).toBe(rules.length);
});

test("a node in the body of another is named too", () => {
  const data = op.input("float32", [3, 4, 6]);
  const body = (carried: { x: Value<"float32"> }, { data: batch }: { data: Value<"float32"> }) => ({
    state: {
      x: scope("decode", () =>
        emit("ScatterElements", [carried.x, at, op.slice(batch, { axis: 1, to: 2 })], { axis: 1 }),
      ),
    },
    outputs: {},
  });
  const { state } = scope("train", () => scan({ state: { x }, over: { data }, body: body as never }));
  const model = buildModel({ inputs: { x, data, at }, outputs: { y: state.x } });
  expect(checkModel(model, "cuda").map(({ node }) => node)).toEqual(["train/decode/ScatterElements_0"]);
});
