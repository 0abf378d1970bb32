import { epochWindows, type Shuffle, type Window } from "../../data/order.ts";

/** Some batches. Batch `i` has the rows `order[bounds[i].from .. bounds[i].to]`. */
export interface Batches {
  readonly order: BigInt64Array;
  readonly bounds: readonly { readonly from: number; readonly to: number }[];
}

/** The batches of some epochs. The seed gives each epoch its own order of the rows. The last batch of an epoch may be smaller. */
export function shuffledBatches(config: Shuffle, rows: number, epochs: readonly number[]): Batches {
  const order = new BigInt64Array(rows * epochs.length);
  const bounds: { from: number; to: number }[] = [];
  for (const [i, epoch] of epochs.entries()) {
    let at = i * rows;
    for (const { blocks, order: shuffled } of epochWindows(config, rows, epoch)) {
      const numbers = blocks.flatMap(([from, to]) => Array.from({ length: to - from }, (_, j) => from + j));
      bounds.push(...batchBounds(config, at, at + shuffled.length));
      for (const place of shuffled) order[at++] = BigInt(numbers[place]!);
    }
  }
  return { order, bounds };
}

/** The batches of one window. Row numbers count from the window's first row. */
export const windowBatches = (config: Shuffle, { order }: Window): Batches => ({
  order: BigInt64Array.from(order, BigInt),
  bounds: batchBounds(config, 0, order.length),
});

const batchBounds = ({ batchSize }: Shuffle, from: number, to: number) =>
  Array.from({ length: Math.ceil((to - from) / batchSize) }, (_, i) => ({
    from: from + i * batchSize,
    to: Math.min(from + (i + 1) * batchSize, to),
  }));
