import { stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import type { Padding, Revival } from "./architecture.ts";
import type { Dims } from "./dims.ts";
import { meanSquaredError } from "./linear.ts";
import { keepTop } from "./select.ts";

type V = Value<"float32">;

/** Smaller than any latent: stands for "never" where the largest are sought. */
const small = -3e38;

/** 1 for a latent that did not fire in the last `deadSteps` steps, 0 for the others; `[latentDim]`. */
export const deadMask = (stepsSinceFired: V, deadSteps: number): V =>
  op.cast(op.greaterOrEqual(stepsSinceFired, deadSteps), stepsSinceFired.dtype);

/**
 * The `count` strongest dead latents of each row, the others zeroed: `[batch, latentDim]`. A row with fewer dead latents than that
 * has only those, as the rest of what TopK picks is zero.
 */
export function strongestDead(pre: V, dead: V, count: number, by: Revival["by"]): V {
  if (by === "value") return keepTop(op.mul(pre, dead), op.where(op.greater(dead, 0), pre, small), count).z;
  const candidates = op.mul(by === "relu" ? op.relu(pre) : pre, dead);
  return keepTop(candidates, by === "relu" ? candidates : op.abs(candidates), count).z;
}

/** Pre-activations whose gradient does not reach b_dec: only dead latents are to learn from the auxiliary loss. */
export const preOfDead = ({ pre }: Revival, x: V, { b_dec, ...params }: Readonly<Record<string, V>>, dims: Dims): V =>
  pre(x, b_dec ? { ...params, b_dec: stopGradient(b_dec) } : params, dims);

/**
 * The dead-latent loss AuxK: dead latents `z [batch, latentDim]` try to rebuild what the live ones left over. It is the mean of
 * (e - eHat)^2 with e = stopGradient(target - xHat) and eHat = z W_dec, without b_dec, which xHat has already. With no dead latent
 * it is 0. Its gradient reaches rows of W_enc, b_enc and W_dec of dead latents, nothing else.
 *
 * Gao et al. divide this and the reconstruction's error by one number, the variance of the targets. Here neither is divided, so that
 * they weigh the same against each other, for data of any scale.
 * Source: Gao et al. 2024, Scaling and evaluating sparse autoencoders, section 2.4 and appendix A.2.
 */
export function auxiliaryLoss({
  target,
  xHat,
  z,
  dead,
  W_dec,
  padding,
}: {
  readonly target: V;
  readonly xHat: V;
  readonly z: V;
  readonly dead: V;
  readonly W_dec: V;
  readonly padding?: Padding | undefined;
}): V {
  const error = stopGradient(op.sub(target, xHat));
  const anyDead = op.min(op.reduceSum(dead), 1);
  return op.mul(anyDead, meanSquaredError(error, op.matMul(z, W_dec), padding));
}
