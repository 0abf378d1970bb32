/**
 * @file The gradient of every op, one entry each. `dy` is the cotangent of the output, `y` the output itself; the result
 * has one cotangent per input, `null` where none flows. Summing over fan-out and undoing broadcasts is the driver's business.
 */
import * as op from "../graph/ops.ts";
import { constantInts, type OpType, reducedAxes } from "../graph/opset.ts";
import type { Float, OpNode, Value } from "../graph/value.ts";
import { GradientError } from "../util/errors.ts";
import { reducedCount, splitLike, spread, unslice, unspread } from "./reshaping.ts";

type V = Value<Float>;

/** What a rule sees of the forward pass. Most ops have one output: `dy`, `y`; for the others `dys`, with `null` where none arrives. */
export interface Forward {
  readonly dy: V;
  readonly y: V;
  readonly dys: readonly (V | null)[];
  readonly node: OpNode;
}

/** Cotangents of the inputs, in order; `null` where none flows. Broadcasting is undone by the caller. */
export type GradientRule = (forward: Forward, ...inputs: V[]) => readonly (V | null)[];

const mask = (condition: Value<"bool">, like: V): V => op.cast(condition, like.dtype);
const indices = (value: unknown) => value as Value<"int64">;
const int = (node: OpNode, name: string): number => (node.attributes[name] as number | undefined) ?? 0;

/** Max and min over axes: the cotangent goes to the winners, in equal parts if there are several. */
const extremum: GradientRule = ({ dy, y, node }, x) => {
  const won = mask(op.equal(x, spread(node, y, x)), x);
  const share = op.div(won, op.reduceSum(won, { axes: reducedAxes(node), keepDims: true }));
  return [op.mul(spread(node, dy, x), share)];
};

/** Larger or smaller of two; equal ones get half each. */
const larger =
  (wins: (a: V, b: V) => Value<"bool">): GradientRule =>
  ({ dy }, a, b) => {
    const tie = op.mul(mask(op.equal(a, b), dy), 0.5);
    return [op.mul(dy, op.add(mask(wins(a, b), dy), tie)), op.mul(dy, op.add(mask(wins(b, a), dy), tie))];
  };

/** One entry for every op; `"constant"`: its output does not move with its inputs; `"refused"`: asking for its gradient throws. */
export const rules = {
  Add: ({ dy }) => [dy, dy],
  Sub: ({ dy }) => [dy, op.neg(dy)],
  Mul: ({ dy }, a, b) => (a === b ? [op.mul(op.mul(unspread(dy), 2), a), null] : [op.mul(dy, b), op.mul(dy, a)]),
  Div: ({ dy, y }, _a, b) => [op.div(dy, b), op.neg(op.div(op.mul(dy, y), b))],
  // d(a^b) = b a^(b-1) da + a^b log(a) db; the second part is only made where somebody asks for it.
  Pow: ({ dy, y }, a, b) => [
    op.mul(dy, op.mul(b, op.pow(a, op.sub(b, 1)))),
    b.node.kind === "constant" ? null : op.mul(dy, op.mul(y, op.log(a))),
  ],
  Max: larger(op.greater),
  Min: larger(op.less),
  Neg: ({ dy }) => [op.neg(dy)],
  // Where x = 0 neither side wins and nothing flows.
  Abs: ({ dy }, x) => [op.mul(dy, op.sub(mask(op.greater(x, 0), dy), mask(op.less(x, 0), dy)))],
  Sqrt: ({ dy, y }) => [op.div(dy, op.mul(y, 2))],
  Exp: ({ dy, y }) => [op.mul(dy, y)],
  Log: ({ dy }, x) => [op.div(dy, x)],
  Relu: ({ dy, y }) => [op.mul(dy, mask(op.greater(y, 0), dy))],
  Sigmoid: ({ dy, y }) => [op.mul(dy, op.mul(y, op.sub(1, y)))],
  Tanh: ({ dy, y }) => [op.mul(dy, op.sub(1, op.mul(y, y)))],
  Cos: ({ dy }, x) => [op.neg(op.mul(dy, op.sin(x)))],
  Sin: ({ dy }, x) => [op.mul(dy, op.cos(x))],
  Reciprocal: ({ dy, y }) => [op.neg(op.mul(dy, op.mul(y, y)))],
  Identity: ({ dy }) => [dy],
  // dx = y (dy - sum(dy y))
  Softmax: ({ dy, y, node }) => [
    op.mul(y, op.sub(dy, op.reduceSum(op.mul(dy, y), { axes: [int(node, "axis")], keepDims: true }))),
  ],
  Cast: ({ dy }, x) => [op.cast(dy, x.dtype)],
  Where: ({ dy }, condition) => {
    const chosen = condition as unknown as Value<"bool">;
    return [null, op.where(chosen, dy, 0), op.where(chosen, 0, dy)];
  },
  MatMul: ({ dy }, a, b) =>
    a.shape.length === 2 && b.shape.length === 2
      ? [op.gemm(dy, b, { transB: true }), op.gemm(a, dy, { transA: true })]
      : [op.matMul(dy, op.transpose(b)), op.matMul(op.transpose(a), dy)],
  // y = A B + c with A = a or its transpose, B = b or its transpose: dA = dy B^T, dB = A^T dy.
  Gemm: ({ dy, node }, a, b, c) => {
    const [transA, transB] = [int(node, "transA") === 1, int(node, "transB") === 1];
    return [
      transA ? op.gemm(b, dy, { transA: transB, transB: true }) : op.gemm(dy, b, { transB: !transB }),
      transB ? op.gemm(dy, a, { transA: true, transB: transA }) : op.gemm(a, dy, { transA: !transA }),
      ...(c ? [dy] : []),
    ];
  },
  Transpose: ({ dy, node }) => {
    const perm = node.attributes.perm as readonly number[];
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [op.transpose(dy, inverse)];
  },
  // Selection is piecewise constant: the cotangent of the values goes back to the places they came from.
  TopK: ({ dys, node }, x) => [
    dys[0] ? op.scatterElements(op.zerosLike(x), indices(node.outputs[1]), dys[0]) : null,
    null,
  ],
  // Rows may be gathered more than once: their cotangents add up.
  Gather: ({ dy, node }, data, at) => {
    const axis = int(node, "axis");
    if (indices(at).shape.length !== 1 || axis !== 0)
      throw new GradientError("Gather: a gradient is defined for whole rows (axis 0, a list of indices) only");
    return [op.scatterND(op.zerosLike(data), op.unsqueeze(indices(at), [1]), dy, { reduction: "add" }), null];
  },
  GatherElements: ({ dy, node }, data, at) => [
    op.scatterElements(op.zerosLike(data), indices(at), dy, { axis: int(node, "axis"), reduction: "add" }),
    null,
  ],
  ScatterElements: ({ dy, node }, _data, at, updates) => {
    const axis = int(node, "axis");
    const kept =
      node.attributes.reduction === "add" ? dy : op.scatterElements(dy, indices(at), op.zerosLike(updates), { axis });
    return [kept, null, op.gatherElements(dy, indices(at), axis)];
  },
  ScatterND: ({ dy, node }, _data, at, updates) => {
    if (indices(at).shape.at(-1) !== 1 || indices(at).shape.length !== 2)
      throw new GradientError("ScatterND: a gradient is defined for whole rows (indices [rows, 1]) only");
    const kept = node.attributes.reduction === "add" ? dy : op.scatterND(dy, indices(at), op.zerosLike(updates));
    return [kept, null, op.gather(dy, op.squeeze(indices(at), [1]))];
  },
  ReduceSum: ({ dy, node }, x) => [spread(node, dy, x), null],
  ReduceSumSquare: ({ dy, node }, x) => [op.mul(unspread(spread(node, op.mul(dy, 2), x)), x)],
  // As the sum, divided by how many entries went into each mean.
  ReduceMean: ({ dy, node }, x) => [spread(node, op.div(dy, reducedCount(node, x)), x)],
  ReduceMax: extremum,
  ReduceMin: extremum,
  CumSum: ({ dy, node }) => [
    op.cumSum(dy, constantInts(node.inputs[1])![0]!, { reverse: int(node, "reverse") === 0 }),
    null,
  ],
  Reshape: ({ dy }, x) => [op.reshape(dy, op.shape(x)), null],
  // The driver sums the cotangent down to the smaller shape.
  Expand: ({ dy }) => [dy, null],
  // Zeros before and after the part that was taken.
  Slice: ({ dy, node }, x) => [unslice(dy, x, node), null, null, null],
  Concat: ({ dy, node }, ...parts) => splitLike(dy, parts, int(node, "axis")),
  Squeeze: ({ dy }, x) => [op.reshape(dy, op.shape(x)), null],
  Unsqueeze: ({ dy }, x) => [op.reshape(dy, op.shape(x)), null],
  Sign: "constant",
  Greater: "constant",
  GreaterOrEqual: "constant",
  Less: "constant",
  LessOrEqual: "constant",
  Equal: "constant",
  And: "constant",
  Not: "constant",
  Shape: "constant",
  NonZero: "constant",
  Loop: "refused",
  Scan: "refused",
  If: "refused",
} satisfies { readonly [Op in OpType]: GradientRule | "constant" | "refused" };

type With<Kind> = { [Op in OpType]: (typeof rules)[Op] extends Kind ? Op : never }[OpType];

/** Ops whose output does not move with their inputs. */
export type ConstantOp = With<"constant">;
/** Ops whose gradient is not defined here. */
export type RefusedOp = With<"refused">;
/** Ops a gradient flows through. */
export type DifferentiableOp = Exclude<OpType, ConstantOp | RefusedOp>;
