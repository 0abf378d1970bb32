/** @file Every op with inputs to try it on; used for gradients, shape inference and the ONNX checker. */

import type { ConstantOp, DifferentiableOp, RefusedOp } from "../../src/autodiff/rules.ts";
import { stopGradient } from "../../src/graph/alias.ts";
import { cond, loop, scan } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Float, Value } from "../../src/graph/value.ts";
import { type Case, of, positive, single } from "./vjp.ts";

type V = Value<Float>;
const rows = (...at: number[]) => op.ints(...at);

/** Every differentiable op, checked against central differences; an op without a row does not compile. */
export const cases: Record<DifferentiableOp, [Case, ...Case[]]> = {
  Add: [of(op.add, [3, 4], [1, 4]), of(op.add, [4], [3, 4])],
  Sub: [of(op.sub, [3, 4], [3, 1])],
  Mul: [of(op.mul, [3, 4], [1, 1]), of((x) => op.mul(x, x), [3, 4])],
  Div: [positive(op.div, [3, 4], [4])],
  Pow: [positive(op.pow, [3, 4], [3, 4]), positive((x) => op.pow(x, 3), [5])],
  Max: [of(op.max, [3, 4], [4])],
  Min: [of(op.min, [3, 4], [3, 1])],
  Neg: [of(op.neg, [3, 4])],
  Abs: [of(op.abs, [3, 4])],
  Sqrt: [positive(op.sqrt, [3, 4])],
  Exp: [of(op.exp, [3, 4])],
  Log: [positive(op.log, [3, 4])],
  Relu: [of(op.relu, [3, 4])],
  Sigmoid: [of(op.sigmoid, [3, 4])],
  Tanh: [of(op.tanh, [3, 4])],
  Cos: [of(op.cos, [3, 4])],
  Sin: [of(op.sin, [3, 4])],
  Reciprocal: [positive(op.reciprocal, [3, 4])],
  Identity: [of(op.identity, [3])],
  Softmax: [of((x) => op.softmax(x), [3, 4]), of((x) => op.softmax(x, 0), [3, 4])],
  Cast: [
    of((x) => op.cast(op.cast(x, "float64"), x.dtype), [3]),
    single(of((x) => op.cast(op.cast(x, "float64"), "float32"), [3])),
  ],
  Where: [of((x, y) => op.where(op.greater(x, 0), x, y), [3, 4], [1, 4])],
  MatMul: [
    of(op.matMul, [3, 4], [4, 5]),
    of(op.matMul, [2, 3, 4], [4, 5]),
    of(op.matMul, [1, 3, 4], [2, 4, 5]),
    of(op.matMul, [3, 4], [2, 4, 5]),
  ],
  Gemm: [
    of((a, b, bias) => op.gemm(a, b, { bias }), [3, 4], [4, 5], [5]),
    of((a, b) => op.gemm(a, b, { transA: true }), [4, 3], [4, 5]),
    of((a, b, bias) => op.gemm(a, b, { bias, transB: true }), [3, 4], [5, 4], [3, 1]),
    of((a, b) => op.gemm(a, b, { transA: true, transB: true }), [4, 3], [5, 4]),
  ],
  Transpose: [of((x) => op.transpose(x), [3, 4]), of((x) => op.transpose(x, [2, 0, 1]), [2, 3, 4])],
  TopK: [of((x) => op.topK(x, 2).values, [3, 5])],
  Gather: [of((x) => op.gather(x, rows(2, 0, 2)), [3, 4])],
  GatherElements: [of((x) => op.gatherElements(x, op.topK(stopGradient(x), 2).indices), [3, 5])],
  ScatterElements: [
    of((x, y) => op.scatterElements(x, op.topK(stopGradient(x), 2).indices, y), [3, 5], [3, 2]),
    single(
      of((x, y) => op.scatterElements(x, op.topK(stopGradient(x), 2).indices, y, { reduction: "add" }), [3, 5], [3, 2]),
    ),
  ],
  ScatterND: [
    of((x, y) => op.scatterND(x, op.unsqueeze(rows(2, 0), [1]), y), [3, 4], [2, 4]),
    of((x, y) => op.scatterND(x, op.unsqueeze(rows(2, 0, 2), [1]), y, { reduction: "add" }), [3, 4], [3, 4]),
  ],
  ReduceSum: [
    of((x) => op.reduceSum(x), [3, 4]),
    of((x) => op.reduceSum(x, { axes: [0] }), [3, 4]),
    of((x) => op.reduceSum(x, { axes: [2, -3] }), [2, 3, 4]),
    of((x) => op.reduceSum(x, { axes: [] }), [3, 4]),
  ],
  ReduceSumSquare: [of((x) => op.reduceSumSquare(x), [3, 4]), of((x) => op.reduceSumSquare(x, { axes: [1] }), [3, 4])],
  ReduceMean: [
    of((x) => op.reduceMean(x), [3, 4]),
    of((x) => op.reduceMean(x, { axes: [-1], keepDims: true }), [3, 4]),
    of((x) => op.reduceMean(x, { axes: [0, 2] }), [2, 3, 4]),
  ],
  ReduceMax: [of((x) => op.reduceMax(x, { axes: [1] }), [3, 4])],
  ReduceMin: [of((x) => op.reduceMin(x), [3, 4]), of((x) => op.reduceMin(x, { axes: [0], keepDims: true }), [3, 4])],
  CumSum: [of((x) => op.cumSum(x, 0), [3, 4]), of((x) => op.cumSum(x, -1, { reverse: true }), [3, 4])],
  Reshape: [of((x) => op.reshape(x, [2, -1]), [3, 4]), of((x) => op.reshape(x, [0, 2, -1]), [3, 4])],
  Expand: [of((x) => op.expand(x, [2, 3, 4]), [3, 1])],
  Slice: [
    of((x) => op.slice(x, { axis: 0, from: rows(1), to: op.slice(op.shape(x), { axis: 0, to: 1 }) }), [3, 4]),
    of((x) => op.slice(x, { axis: 0, from: 1 }), [3, 4]),
    of((x) => op.slice(x, { axis: 1, from: -3, to: 2 }), [3, 4]),
  ],
  Concat: [of((x, y) => op.concat([x, y, x], 1), [3, 4], [3, 2])],
  Squeeze: [of((x) => op.squeeze(x, [1]), [3, 1])],
  Unsqueeze: [of((x) => op.unsqueeze(x, [0, 2]), [3])],
};

const asFloat = (x: V, y: Value) => op.cast(y, x.dtype);
/** Ops declared constant: their output must not move with their inputs. */
export const constant: Record<ConstantOp, [Case, ...Case[]]> = {
  Sign: [of(op.sign, [3, 4])],
  Greater: [of((x) => asFloat(x, op.greater(x, 0)), [3, 4])],
  GreaterOrEqual: [of((x) => asFloat(x, op.greaterOrEqual(x, 0)), [3, 4])],
  Less: [of((x) => asFloat(x, op.less(x, 0)), [3, 4])],
  LessOrEqual: [of((x) => asFloat(x, op.lessOrEqual(x, 0)), [3, 4])],
  Equal: [of((x) => asFloat(x, op.equal(x, 0)), [3, 4])],
  And: [of((x) => asFloat(x, op.and(op.greater(x, 0), op.less(x, 1))), [3, 4])],
  Not: [of((x) => asFloat(x, op.not(op.greater(x, 0))), [3, 4])],
  Shape: [of((x) => asFloat(x, op.shape(x)), [3, 4])],
  NonZero: [of((x) => asFloat(x, op.reduceSum(op.nonZero(op.cast(x, "float32")))), [3, 4])],
};

/** Ops whose gradient is refused, each used between a parameter and a loss. */
export const refused: Record<RefusedOp, (x: V) => V> = {
  Loop: (x) =>
    loop({
      trips: op.scalarOf("int64", 2),
      state: { x },
      body: (_, { x }) => ({ state: { x: op.mul(x, x) }, outputs: {} }),
    }).state.x,
  Scan: (x) =>
    scan({ state: { x }, over: { n: op.ints(1, 2) }, body: ({ x }) => ({ state: { x: op.mul(x, x) }, outputs: {} }) })
      .state.x,
  If: (x) =>
    cond(
      op.greater(x, 0),
      () => ({ y: op.mul(x, x) }),
      () => ({ y: op.neg(x) }),
    ).y,
};

/** A table as rows for `test.each`, named by op and shapes. */
export const rowsOf = (table: Record<string, readonly Case[]>) =>
  Object.entries(table).flatMap(([name, list]) =>
    list.map((one) => ({ name, shapes: one.shapes.map((s) => `[${s}]`).join(" "), one })),
  );
