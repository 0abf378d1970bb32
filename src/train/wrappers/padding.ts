import type { Batches } from "../runs/batches.ts";

/** The rows of each batch, and what the mean over a padded batch is multiplied with to be the mean over its rows. */
export const batchesOf = ({ order, bounds }: Batches, batchSize: number) =>
  bounds.map(({ from, to }) => ({ rows: order.subarray(from, to), scale: batchSize / (to - from) }));
