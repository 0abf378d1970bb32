import { type Configuration, distinct, meanOf } from "./configurations.ts";

/**
 * What quality is set against: measured L0; `k` where it is the measured L0 of every SAE and varies, so that grids of exact selection
 * read as they are asked for. Without any measured L0 there is k only.
 */
export function sparsityMeasure(all: readonly Configuration[]): "k" | "l0_mean" {
  if (all.every((one) => meanOf(one, "l0_mean") === null)) return "k";
  return all.every(keepsK) && distinct(all, "k").length > 1 ? "k" : "l0_mean";
}

/** Whether an SAE keeps k latents a row, but for a hundredth of them. */
function keepsK(one: Configuration): boolean {
  const [k, l0] = [one.record.k, meanOf(one, "l0_mean")];
  return k !== null && (l0 === null || Math.abs(l0 - k) <= 0.01 * k);
}

/** The objectives of a Pareto set unless others are asked for: explained variance up, the sparsity measure down. */
export const defaultObjectives = (all: readonly Configuration[]): string =>
  `explained_variance:max,${sparsityMeasure(all)}:min`;
