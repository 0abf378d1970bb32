import * as op from "../../graph/ops.ts";
import type { Value } from "../../graph/value.ts";

type V = Value<"float32">;

/** Cosine similarities of the rows of two matrices of one width: `[a, b]`. A row of zeros has 0 with all. */
export const cosines = (a: V, b: V): V => op.matMul(unit(a), op.transpose(unit(b)));

/** Rows of length 1; rows of zeros stay. Divided by their largest entry first, so that no square over- or underflows. */
function unit(x: V): V {
  const safe = (size: V) => op.where(op.equal(size, 0), 1, size);
  const scaled = op.div(x, safe(op.topK(op.abs(x), 1).values));
  const length = op.sqrt(op.reduceSum(op.mul(scaled, scaled), { axes: [1], keepDims: true }));
  return op.div(scaled, safe(length));
}
