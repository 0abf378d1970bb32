import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { entries, type Joined, type Measured, rows } from "./metric.ts";

type V = Value<"float32">;

const rowSum = (x: V): V => op.reduceSum(x, { axes: [1] });

/** Sums of the shifted rows: per dimension, and of squares. */
export const shiftedSums = (x: V, shift: V) => {
  const y = op.sub(x, shift);
  return { perDim: entries(op.reduceSum(y, { axes: [0] })), squares: rows(rowSum(op.mul(y, y))) };
};

interface Shifted {
  readonly perDim: Joined["entries"];
  readonly squares: Joined["rows"];
}

const total = (numbers: Float64Array): number => numbers.reduce((sum, v) => sum + v, 0);

/** Squared distance of all rows from their mean row: what the mean predictor leaves. */
export const centredSquares = ({ perDim, squares }: Shifted, { rows: count }: Measured): number =>
  squares.sum - total(perDim.map((v) => v * v)) / count;

/**
 * Squared distance of all entries from their one mean. With y the shifted rows and u = shift - mean(shift), so that
 * x - mean(shift) = y + u: sum of |y|^2 + 2 y . u + |u|^2, less (sum of y)^2 / entries.
 */
export function totalSquares({ perDim, squares }: Shifted, { rows: count, outputDim, shift }: Measured): number {
  const middle = total(shift) / outputDim;
  const u = shift.map((v) => v - middle);
  return (
    squares.sum + total(u.map((v, i) => 2 * v * perDim[i]! + count * v * v)) - total(perDim) ** 2 / (count * outputDim)
  );
}

/** Each row's mean, and its squared distance from that mean: enough for the variance over all entries where no shift is known. */
export const spreadSums = (x: V) => {
  const mean = op.reduceMean(x, { axes: [1], keepDims: true });
  const centred = op.sub(x, mean);
  return { mean: rows(op.squeeze(mean, [1])), within: rows(rowSum(op.mul(centred, centred))) };
};

/** Squared distance of all entries from their one mean: within rows, and between the rows' means. */
export const spread = (
  { mean, within }: { readonly mean: Joined["rows"]; readonly within: Joined["rows"] },
  { rows: count, outputDim }: Measured,
): number => within.sum + outputDim * (mean.sumOfSquares - mean.sum ** 2 / count);

/** Squared length of each row of the residual. */
export const squaredError = (x: V, xHat: V) => {
  const residual = op.sub(x, xHat);
  return rows(rowSum(op.mul(residual, residual)));
};
