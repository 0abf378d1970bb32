import type { Batches } from "../runs/batches.ts";

/** The rows of each batch, and its `scale`: the mean over the padded batch times `scale` is the mean over its rows. */
export const batchesOf = ({ order, bounds }: Batches, batchSize: number) =>
  bounds.map(({ from, to }) => ({ rows: order.subarray(from, to), scale: batchSize / (to - from) }));
