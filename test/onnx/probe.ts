import { buildModel } from "../../src/graph/build.ts";
import { cond, loop, scan } from "../../src/graph/control.ts";
import { add, constant, emit, input, ints } from "../../src/graph/ops.ts";
import type { OpType } from "../../src/graph/opset.ts";
import type { Attributes, Shape, Value } from "../../src/graph/value.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { type DType, tensor } from "../../src/util/tensor.ts";

/** The element types probed, by the short names the table of kernels uses. */
export const types = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  i32: "int32",
  i64: "int64",
  bool: "bool",
} as const satisfies Record<string, DType>;
type Short = keyof typeof types;

type Build = (dtype: DType) => readonly Value[];

const given = <D extends DType>(dtype: D, shape: Shape = [2, 3]): Value<D> => input(dtype, shape);
const one = (op: OpType, inputs: readonly Value[], attributes: Attributes, ...out: DType[]) => {
  const values = emit(op, inputs, attributes, out);
  return [...values, ...inputs.filter(({ node }) => node.kind === "input")];
};
const unary =
  (op: OpType, attributes: Attributes = {}): Build =>
  (t) =>
    one(op, [given(t)], attributes, t);
const binary =
  (op: OpType, to?: DType): Build =>
  (t) =>
    one(op, [given(t), given(t)], {}, to ?? t);
const axes = (op: OpType): Build => unary(op, { axes: [1], keepdims: 1 });
const indices = () => given("int64");

/** One node of each op the builder has, on values of a type. */
const builds: Record<Exclude<OpType, "Cast" | "Loop" | "Scan" | "If">, Build> = {
  ...(Object.fromEntries(
    [
      "Neg",
      "Abs",
      "Sign",
      "Sqrt",
      "Exp",
      "Log",
      "Relu",
      "Sigmoid",
      "Tanh",
      "Cos",
      "Sin",
      "Reciprocal",
      "Identity",
      "Softmax",
      "Not",
    ].map((op) => [op, unary(op as OpType)]),
  ) as Record<
    | "Neg"
    | "Sign"
    | "Abs"
    | "Sqrt"
    | "Exp"
    | "Log"
    | "Relu"
    | "Sigmoid"
    | "Tanh"
    | "Cos"
    | "Sin"
    | "Reciprocal"
    | "Identity"
    | "Softmax"
    | "Not",
    Build
  >),
  ...(Object.fromEntries(
    ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "And"].map((op) => [op, binary(op as OpType)]),
  ) as Record<"Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" | "And", Build>),
  ...(Object.fromEntries(
    ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"].map((op) => [op, binary(op as OpType, "bool")]),
  ) as Record<"Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Equal", Build>),
  Where: (t) => one("Where", [given("bool"), given(t), given(t)], {}, t),
  MatMul: (t) => one("MatMul", [given(t), given(t, [3, 2])], {}, t),
  Gemm: (t) => one("Gemm", [given(t), given(t, [3, 2])], {}, t),
  Transpose: unary("Transpose", { perm: [1, 0] }),
  TopK: (t) => one("TopK", [given(t), ints(2)], { axis: -1 }, t, "int64"),
  Gather: (t) => one("Gather", [given(t), given("int64", [2])], { axis: 0 }, t),
  GatherElements: (t) => one("GatherElements", [given(t), indices()], { axis: 1 }, t),
  ScatterElements: (t) => one("ScatterElements", [given(t), indices(), given(t)], { axis: 1 }, t),
  ScatterND: (t) => one("ScatterND", [given(t), given("int64", [1, 1]), given(t, [1, 3])], {}, t),
  ReduceSum: (t) => one("ReduceSum", [given(t), ints(1)], { keepdims: 1 }, t),
  ReduceSumSquare: axes("ReduceSumSquare"),
  ReduceMean: axes("ReduceMean"),
  ReduceMax: axes("ReduceMax"),
  ReduceMin: axes("ReduceMin"),
  CumSum: (t) => one("CumSum", [given(t), constant(tensor("int64", [], BigInt64Array.of(0n)))], {}, t),
  Reshape: (t) => one("Reshape", [given(t), ints(3, 2)], {}, t),
  Expand: (t) => one("Expand", [given(t), ints(2, 2, 3)], {}, t),
  Shape: (t) => one("Shape", [given(t)], {}, "int64"),
  Slice: (t) => one("Slice", [given(t), ints(0), ints(1), ints(0)], {}, t),
  Concat: (t) => one("Concat", [given(t), given(t)], { axis: 0 }, t),
  Squeeze: (t) => one("Squeeze", [given(t, [1, 3]), ints(0)], {}, t),
  Unsqueeze: (t) => one("Unsqueeze", [given(t), ints(0)], {}, t),
  NonZero: (t) => one("NonZero", [given(t)], {}, "int64"),
};

const control = {
  Loop() {
    const [x, trips] = [given("float32"), given("int64", [])];
    return [
      loop({ trips, state: { x }, body: (_, s) => ({ state: { x: add(s.x, 1) }, outputs: {} }) }).state.x,
      x,
      trips,
    ];
  },
  Scan() {
    const [x, over] = [given("float32"), given("float32", [4, 3])];
    const body = (s: { x: Value<"float32"> }, e: { over: Value<"float32"> }) => ({
      state: { x: add(s.x, e.over) },
      outputs: {},
    });
    return [scan({ state: { x }, over: { over }, body }).state.x, x, over];
  },
  If() {
    const [x, c] = [given("float32"), given("bool", [])];
    return [
      cond(
        c,
        () => ({ y: add(x, 1) }),
        () => ({ y: add(x, 2) }),
      ).y,
      x,
      c,
    ];
  },
};

function modelOf(values: readonly Value[]): Model {
  const inputs = values.filter(({ node }) => node.kind === "input");
  const outputs = values.filter(({ node }) => node.kind !== "input");
  const named = (prefix: string, list: readonly Value[]) =>
    Object.fromEntries(list.map((v, i) => [`${prefix}${i}`, v]));
  return buildModel({ inputs: named("in", inputs), outputs: named("out", outputs) });
}

/** Every op with every signature: a model of that one node. */
export function probes(): { op: OpType; signature: string; model: Model }[] {
  const shorts = Object.keys(types) as Short[];
  return [
    ...Object.entries(builds).flatMap(([op, build]) =>
      shorts.map((short) => ({ op: op as OpType, signature: short as string, model: modelOf(build(types[short])) })),
    ),
    ...shorts.flatMap((from) =>
      shorts.map((to) => ({
        op: "Cast" as const,
        signature: `${from}>${to}`,
        model: modelOf(one("Cast", [given(types[from])], { to: types[to] }, types[to])),
      })),
    ),
    ...Object.entries(control).map(([op, build]) => ({ op: op as OpType, signature: "any", model: modelOf(build()) })),
  ];
}
