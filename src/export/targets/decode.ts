import * as op from "../../graph/ops.ts";
import type { Target } from "./target.ts";

/**
 * z W_dec + b_dec by MatMul and Add, not Gemm: OpenCV 4.6 takes Gemm's second matrix as transposed, and where that is square it
 * gives other numbers without a word.
 */
export const decode: NonNullable<Target["decode"]> = (z, { W_dec, b_dec }) => {
  const sum = op.matMul(z, W_dec!);
  return b_dec ? op.add(sum, b_dec) : sum;
};
