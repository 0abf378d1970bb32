/** @file Layers and positions: the best SAE of each place, and which SAEs only look good. */
import { groupBy } from "../util/group.ts";
import { type Configuration, meanOf } from "./configurations.ts";
import { formatNumber } from "./format.ts";

/** So many times k latents alive, or fewer: every row keeps nearly the same ones. */
const fewAlive = 2;
/** From here on the mean row explains so much that there is next to nothing left to explain. */
const flat = 0.99;

/** The metric by which the best is chosen: the centred one where all have it. */
export const qualityKey = (all: readonly Configuration[]): string =>
  all.every((one) => meanOf(one, "explained_variance_centered") !== null)
    ? "explained_variance_centered"
    : "explained_variance";

/** Latents that fired, or as many as the death rate leaves; `null` where neither was measured. */
export function aliveOf(one: Configuration): number | null {
  const counted = meanOf(one, "num_active_features");
  const death = meanOf(one, "feature_death_rate");
  return counted ?? (death === null ? null : (1 - death) * one.record.latent_dim);
}

/** Why a configuration's score says little: about as many latents are alive as a row keeps, or the rows hardly vary. Nothing where it is sound. */
export function degenerate(one: Configuration): string | undefined {
  const { k } = one.record;
  const alive = aliveOf(one);
  const floor = meanOf(one, "mean_predictor_explained_variance");
  if (floor !== null && floor >= flat)
    return `the rows hardly vary: their mean row explains ${formatNumber(".3f", floor)}`;
  if (k !== null && alive !== null && k < one.record.latent_dim / fewAlive && alive <= fewAlive * k)
    return `${formatNumber(".0f", alive)} latents are alive, each row keeps ${k}`;
  return undefined;
}

/** A layer and position, its best SAE by the score alone, and its best sound one. */
export interface Place {
  readonly layer: number;
  readonly position: number;
  readonly best: Configuration;
  readonly sound: Configuration | undefined;
}

/** Every layer and position with its best SAE, layers and positions ascending; empty where fewer than two places were measured. */
export function bestByPlace(all: readonly Configuration[], key = qualityKey(all)): readonly Place[] {
  const placed = all.filter(
    ({ record, ...one }) =>
      record.layer !== null && record.position !== null && meanOf({ record, ...one }, key) !== null,
  );
  const places = [...groupBy(placed, ({ record }) => `${record.layer} ${record.position}`).values()].map((members) => {
    const sorted = members.toSorted((a, b) => meanOf(b, key)! - meanOf(a, key)!);
    const { layer, position } = sorted[0]!.record;
    const sound = sorted.find((one) => degenerate(one) === undefined);
    return { layer: layer!, position: position!, best: sorted[0]!, sound };
  });
  return places.length < 2 ? [] : places.sort((a, b) => a.layer - b.layer || a.position - b.position);
}

/** Spearman's rank correlation of two lists, ties at their mean rank; `null` for fewer than three pairs, and where one does not vary. */
export function rankCorrelation(xs: readonly number[], ys: readonly number[]): number | null {
  if (xs.length < 3) return null;
  const [a, b] = [ranks(xs), ranks(ys)];
  const middle = (xs.length - 1) / 2;
  const dot = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, i) => sum + (value - middle) * (other[i]! - middle), 0);
  const norm = Math.sqrt(dot(a, a) * dot(b, b));
  return norm === 0 ? null : dot(a, b) / norm;
}

function ranks(values: readonly number[]): readonly number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
}
