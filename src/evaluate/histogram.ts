/** Numbers in bins of equal width, from `from` to `to`. */
export interface Histogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/** Bins of a latent's activations. */
const bins = 24;

/** The histogram of a latent's activations; its range includes 0. `undefined` where there are none. */
export function histogramOf(values: ArrayLike<number>): Histogram | undefined {
  if (values.length === 0) return undefined;
  let [from, to] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < from) from = values[i]!;
    if (values[i]! > to) to = values[i]!;
  }
  const size = (to - from) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) counts[Math.min(bins - 1, Math.floor((values[i]! - from) / size))]!++;
  return { from, to, counts };
}
