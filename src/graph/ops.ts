/**
 * @file One typed function per op, used as `import * as op from "./ops.ts"`. Shapes and types are checked at the
 * call, so that the stack trace points at the guilty line. A number stands for a scalar constant of the other operand's type.
 * Meaning of each op: its page in ONNX's docs/Operators.md; loops and branches are in control.ts.
 */
import { ShapeError } from "../util/errors.ts";
import { type DType, type HostTensor, int64s, tensor } from "../util/tensor.ts";
import { type OpType, opset, toTheEnd } from "./opset.ts";
import { axisOf } from "./shapes.ts";
import {
  type Attributes,
  type Body,
  type Float,
  makeNode,
  type Numeric,
  type Shape,
  showShape,
  type Value,
} from "./value.ts";

/** A value, or a number to become a scalar constant of the other operand's type. */
export type Operand<D extends DType> = Value<D> | number;

/** A node of any op: checks its shapes and gives its outputs. The typed functions below are the way to call it. */
export function emit(
  op: OpType,
  inputs: readonly Value[],
  attributes: Attributes,
  dtypes: readonly DType[],
  bodies: Readonly<Record<string, Body>> = {},
): readonly Value[] {
  const shapes = opset[op]({ op, inputs, attributes, bodies });
  return makeNode(
    { kind: "op", op, attributes, bodies },
    inputs,
    dtypes.map((dtype, i) => [dtype, shapes[i]!] as const),
  );
}

const emitOne = <D extends DType>(op: OpType, inputs: readonly Value[], attributes: Attributes, dtype: D) =>
  emit(op, inputs, attributes, [dtype])[0] as Value<D>;

/** An input of the model, named when the model is built. Dims are sizes, names such as `"batch"`, or `"?"`. */
export const input = <D extends DType>(dtype: D, shape: Shape): Value<D> =>
  makeNode({ kind: "input" }, [], [[dtype, [...shape]]])[0] as Value<D>;

/** A constant, stored in the model; `name` is the one it keeps in the file (for parameters). */
export const constant = <D extends DType>(value: HostTensor<D>, name?: string): Value<D> =>
  makeNode({ kind: "constant", tensor: value, name }, [], [[value.dtype, value.dims]])[0] as Value<D>;

/** A one-dimensional int64 constant, as axes and shapes are given. */
export const ints = (...values: number[]): Value<"int64"> => constant(int64s(values.map(integer)));

function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new ShapeError(`an integer is needed, got ${value}; round it?`);
  return value;
}

/** A scalar constant of any numeric type. */
export function scalarOf<D extends Numeric>(dtype: D, value: number): Value<D> {
  const data = {
    float32: () => Float32Array.of(value),
    float64: () => Float64Array.of(value),
    int32: () => Int32Array.of(integer(value)),
    int64: () => BigInt64Array.of(BigInt(integer(value))),
  };
  return constant(tensor<DType>(dtype, [], data[dtype]())) as Value<D>;
}

const lift = <D extends Numeric>(x: Operand<D>, dtype: D): Value<D> => (typeof x === "number" ? scalarOf(dtype, x) : x);

function pair<D extends Numeric>(op: OpType, a: Operand<D>, b: Operand<D>): readonly [Value<D>, Value<D>] {
  const typed = typeof a === "number" ? b : a;
  if (typeof typed === "number") throw new ShapeError(`${op}: at least one operand must be a value, got ${a} and ${b}`);
  const both = [lift(a, typed.dtype), lift(b, typed.dtype)] as const;
  oneType(op, both);
  return both;
}

function oneType(op: OpType, values: readonly Value[]): void {
  const other = values.find(({ dtype }) => dtype !== values[0]!.dtype);
  if (other)
    throw new ShapeError(`${op}: element types differ, ${values[0]!.dtype} and ${other.dtype}; cast one of them`);
}

const unary =
  (op: OpType) =>
  <D extends Float>(x: Value<D>): Value<D> =>
    emitOne(op, [x], {}, x.dtype);
const binary =
  (op: OpType) =>
  <D extends Numeric>(a: Operand<D>, b: Operand<D>): Value<D> => {
    const both = pair(op, a, b);
    return emitOne(op, both, {}, both[0].dtype);
  };
const comparison =
  (op: OpType) =>
  <D extends Numeric>(a: Operand<D>, b: Operand<D>): Value<"bool"> =>
    emitOne(op, pair(op, a, b), {}, "bool");

/** `-x`, elementwise. */
export const neg = unary("Neg");
/** `|x|`, elementwise. */
export const abs = unary("Abs");
/** Square root, elementwise. */
export const sqrt = unary("Sqrt");
/** `e^x`, elementwise. */
export const exp = unary("Exp");
/** Natural logarithm, elementwise. */
export const log = unary("Log");
/** `max(x, 0)`, elementwise. */
export const relu = unary("Relu");
/** `1 / (1 + e^-x)`, elementwise. */
export const sigmoid = unary("Sigmoid");
/** -1, 0 or 1, elementwise. (WebGPU has no kernel for it.) */
export const sign = unary("Sign");
/** Hyperbolic tangent, elementwise. */
export const tanh = unary("Tanh");
/** Cosine of an angle in radians, elementwise. */
export const cos = unary("Cos");
/** Sine of an angle in radians, elementwise. */
export const sin = unary("Sin");
/** `1 / x`, elementwise. */
export const reciprocal = unary("Reciprocal");

/** `a + b`, broadcast. */
export const add = binary("Add");
/** `a - b`, broadcast. */
export const sub = binary("Sub");
/** `a * b`, broadcast. */
export const mul = binary("Mul");
/** `a / b`, broadcast. */
export const div = binary("Div");
/** `a` to the power `b`, broadcast. */
export const pow = binary("Pow");
/** The larger of two, broadcast. */
export const max = binary("Max");
/** The smaller of two, broadcast. */
export const min = binary("Min");

/** `a > b`, broadcast. */
export const greater = comparison("Greater");
/** `a >= b`, broadcast. */
export const greaterOrEqual = comparison("GreaterOrEqual");
/** `a < b`, broadcast. */
export const less = comparison("Less");
/** `a <= b`, broadcast. */
export const lessOrEqual = comparison("LessOrEqual");
/** `a = b`, broadcast. */
export const equal = comparison("Equal");

/** Not, elementwise. */
export const not = (x: Value<"bool">): Value<"bool"> => emitOne("Not", [x], {}, "bool");
/** Both, broadcast. */
export const and = (a: Value<"bool">, b: Value<"bool">): Value<"bool"> => emitOne("And", [a, b], {}, "bool");

/** The same value under a name of its own. */
export const identity = <D extends DType>(x: Value<D>): Value<D> => emitOne("Identity", [x], {}, x.dtype);

/** `e^x / sum e^x` along one axis, the last by default. */
export const softmax = <D extends Float>(x: Value<D>, axis = -1): Value<D> =>
  emitOne("Softmax", [x], { axis: axisOf("Softmax", axis, x.shape) }, x.dtype);

/** The value in another element type; the same value when it has it already. */
export const cast = <D extends DType>(x: Value, dtype: D): Value<D> =>
  x.dtype === dtype ? (x as Value<D>) : emitOne("Cast", [x], { to: dtype }, dtype);

/** `a` where the condition holds, `b` elsewhere, broadcast. */
export function where<D extends Numeric>(condition: Value<"bool">, a: Operand<D>, b: Operand<D>): Value<D> {
  const both = pair("Where", a, b);
  return emitOne("Where", [condition, ...both], {}, both[0].dtype);
}

/** Matrix product `a · b`: `[..., m, n]` by `[..., n, p]` gives `[..., m, p]`. Throws ShapeError when `n` differs. */
export const matMul = binary("MatMul") as <D extends Float>(a: Value<D>, b: Value<D>) => Value<D>;

/** `op(a) · op(b) + bias` of matrices, where op may transpose. `bias` broadcasts to the product. */
export function gemm<D extends Float>(
  a: Value<D>,
  b: Value<D>,
  { bias, transA = false, transB = false }: { bias?: Value<D>; transA?: boolean; transB?: boolean } = {},
): Value<D> {
  const attributes = { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) };
  const inputs = bias ? [a, b, bias] : [a, b];
  oneType("Gemm", inputs);
  return emitOne("Gemm", inputs, attributes, a.dtype);
}

/** The axes in another order; without one, the last two swapped. */
export function transpose<D extends DType>(x: Value<D>, perm?: readonly number[]): Value<D> {
  const axes = x.shape.map((_, i) => i);
  const swapped = [...axes.slice(0, -2), ...axes.slice(-2).reverse()];
  return emitOne("Transpose", [x], { perm: perm ?? swapped }, x.dtype);
}

/**
 * The `k` largest entries along the last axis, in descending order unless `sorted` is false, and their positions; ties go to the
 * lower index. `k` may be computed in the graph: an int64 of shape `[1]`.
 */
export function topK<D extends Float>(
  x: Value<D>,
  k: number | Value<"int64">,
  { sorted = true } = {},
): { values: Value<D>; indices: Value<"int64"> } {
  const attributes = { axis: -1, largest: 1, sorted: Number(sorted) };
  const [values, indices] = emit("TopK", [x, typeof k === "number" ? ints(k) : k], attributes, [x.dtype, "int64"]);
  return { values: values as Value<D>, indices: indices as Value<"int64"> };
}

/** Whole slices of `data` at the indices, along one axis: rows by default. `[n, d]` at `[m]` gives `[m, d]`. */
export const gather = <D extends DType>(data: Value<D>, indices: Value<"int64">, axis = 0): Value<D> =>
  emitOne("Gather", [data, indices], { axis: axisOf("Gather", axis, data.shape) }, data.dtype);

/** Single entries: `out[i][j] = data[i][indices[i][j]]` along the last axis (or another). */
export const gatherElements = <D extends DType>(data: Value<D>, indices: Value<"int64">, axis = -1): Value<D> =>
  emitOne("GatherElements", [data, indices], { axis: axisOf("GatherElements", axis, data.shape) }, data.dtype);

/** A copy of `data` with single entries replaced, or (`reduction: "add"`) added to. Replacing needs distinct indices. */
export const scatterElements = <D extends DType>(
  data: Value<D>,
  indices: Value<"int64">,
  updates: Value<D>,
  { axis = -1, reduction = "none" }: { axis?: number; reduction?: "none" | "add" } = {},
): Value<D> => {
  oneType("ScatterElements", [data, updates]);
  const attributes = {
    axis: axisOf("ScatterElements", axis, data.shape),
    ...(reduction === "add" ? { reduction } : {}),
  };
  return emitOne("ScatterElements", [data, indices, updates], attributes, data.dtype);
};

/** A copy of `data` with whole slices replaced, or added to, at `indices [..., depth]`. Replacing needs distinct indices. */
export const scatterND = <D extends DType>(
  data: Value<D>,
  indices: Value<"int64">,
  updates: Value<D>,
  { reduction = "none" }: { reduction?: "none" | "add" } = {},
): Value<D> => {
  oneType("ScatterND", [data, updates]);
  return emitOne("ScatterND", [data, indices, updates], reduction === "add" ? { reduction } : {}, data.dtype);
};

/** How a reduction is asked for: the axes (all by default, and for `[]`), and whether they stay as 1 (they go by default). */
export interface Reduction {
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

const keepdims = ({ keepDims = false }: Reduction) => ({ keepdims: keepDims ? 1 : 0 });
const reduction =
  (op: "ReduceSumSquare" | "ReduceMean" | "ReduceMax" | "ReduceMin") =>
  <D extends Float>(x: Value<D>, how: Reduction = {}): Value<D> =>
    emitOne(op, [x], { ...(how.axes ? { axes: how.axes } : {}), ...keepdims(how) }, x.dtype);

/** Sum over axes. (Opset 17 takes its axes as an input, those of the others as an attribute.) */
export const reduceSum = <D extends Numeric>(x: Value<D>, how: Reduction = {}): Value<D> =>
  emitOne("ReduceSum", how.axes ? [x, ints(...how.axes)] : [x], keepdims(how), x.dtype);
/** Sum of squares over axes. */
export const reduceSumSquare = reduction("ReduceSumSquare");
/** Mean over axes. */
export const reduceMean = reduction("ReduceMean");
/** Largest entry over axes. (On CUDA it needs cuDNN.) */
export const reduceMax = reduction("ReduceMax");
/** Smallest entry over axes. (On CUDA it needs cuDNN.) */
export const reduceMin = reduction("ReduceMin");

/** Running sum along an axis; `reverse` runs from the end. */
export const cumSum = <D extends Numeric>(x: Value<D>, axis: number, { reverse = false } = {}): Value<D> =>
  emitOne("CumSum", [x, scalarOf("int64", axisOf("CumSum", axis, x.shape))], reverse ? { reverse: 1 } : {}, x.dtype);

/** The same elements in another shape; `-1` is whatever is left, `0` keeps the dim at that place. */
export const reshape = <D extends DType>(x: Value<D>, shape: readonly number[] | Value<"int64">): Value<D> =>
  emitOne("Reshape", [x, isValue(shape) ? shape : ints(...shape)], {}, x.dtype);

/** The value repeated to a larger shape, broadcast. */
export const expand = <D extends DType>(x: Value<D>, shape: readonly number[] | Value<"int64">): Value<D> =>
  emitOne("Expand", [x, isValue(shape) ? shape : ints(...shape)], {}, x.dtype);

/** The sizes of a value's dims, `[rank]`. */
export const shape = (x: Value): Value<"int64"> => emitOne("Shape", [x], {}, "int64");

/** Zeros of a value's shape and type, whatever its symbolic dims turn out to be. */
export const zerosLike = <D extends Numeric>(x: Value<D>): Value<D> => expand(scalarOf(x.dtype, 0), shape(x));

/** Entries `from` to `to` (excluded) along one axis; negative positions count from the end; bounds may be values `[1]`. */
export function slice<D extends DType>(
  x: Value<D>,
  { axis, from = 0, to = toTheEnd }: { axis: number; from?: number | Value<"int64">; to?: number | Value<"int64"> },
): Value<D> {
  const bound = (at: number | Value<"int64">) => (typeof at === "number" ? ints(at) : at);
  return emitOne("Slice", [x, bound(from), bound(to), ints(axisOf("Slice", axis, x.shape))], {}, x.dtype);
}

/** Values joined along an axis. */
export const concat = <D extends DType>(values: readonly [Value<D>, ...Value<D>[]], axis: number): Value<D> => {
  oneType("Concat", values);
  return emitOne("Concat", values, { axis: axisOf("Concat", axis, values[0].shape) }, values[0].dtype);
};

/** Without the axes of size 1 that are named. */
export const squeeze = <D extends DType>(x: Value<D>, axes: readonly number[]): Value<D> =>
  emitOne("Squeeze", [x, ints(...axes)], {}, x.dtype);

/** With axes of size 1 put in at these places of the result. */
export const unsqueeze = <D extends DType>(x: Value<D>, axes: readonly number[]): Value<D> =>
  emitOne("Unsqueeze", [x, ints(...axes)], {}, x.dtype);

/** Positions of the entries that are not zero, in row-major order, `[rank, count]`. */
export const nonZero = (x: Value): Value<"int64"> => emitOne("NonZero", [x], {}, "int64");

/** Mean of squares over all entries, a scalar. */
export function meanSquare<D extends Float>(x: Value<D>): Value<D> {
  return reduceMean(mul(x, x));
}

const isValue = (x: unknown): x is Value<"int64"> => typeof x === "object" && x !== null && "node" in x;

/** Throws unless the value has no dims. @throws {ShapeError} naming `what`. */
export function requireScalar(what: string, x: Value): void {
  if (x.shape.length !== 0)
    throw new ShapeError(`${what} must be a scalar, got ${showShape(x.shape)}; reduce it first`);
}
