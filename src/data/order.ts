import { permutation, random } from "../util/random.ts";
import type { Range } from "./rowSpans.ts";

/** What decides the order of rows: a seed, the rows shuffled at a time (default: all), and the rows of a batch. */
export interface Shuffle {
  readonly seed: number;
  readonly shuffleRows?: number | undefined;
  readonly batchSize: number;
}

/** A part of an epoch that is shuffled as a whole: rows of `blocks`, one block after another, in the order `order`. */
export interface Window {
  readonly blocks: readonly Range[];
  readonly order: Uint32Array;
}

/** Blocks that make a window: it mixes rows of so many places of the data. */
const blocksPerWindow = 16;

/** Rows of a full window of `rows` rows: all where they can be shuffled at once, else whole batches, so that none is torn. */
export const windowRows = ({ shuffleRows, batchSize }: Shuffle, rows: number): number =>
  shuffleRows === undefined || rows <= shuffleRows
    ? rows
    : Math.max(1, Math.floor(shuffleRows / batchSize)) * batchSize;

/**
 * The order of one epoch over `rows` rows: a shuffle on two levels. Blocks of rows that follow one another are put in a random
 * order and cut into windows of about `shuffleRows` rows, each of which is shuffled whole. Where all rows fit in one
 * window, this is one permutation of them. Memory has no say in it.
 */
export function* epochWindows(shuffle: Shuffle, rows: number, epoch: number): Generator<Window> {
  const rng = random(shuffle.seed, `shuffle/${epoch}`);
  const size = windowRows(shuffle, rows);
  if (rows <= size) {
    yield { blocks: [[0, rows]], order: permutation(rows, rng) };
    return;
  }
  const height = Math.ceil(size / blocksPerWindow);
  const queue = Array.from(permutation(Math.ceil(rows / height), rng), (block): Range => {
    return [block * height, Math.min((block + 1) * height, rows)];
  });
  for (let left = rows; left > 0; ) {
    const count = Math.min(size, left);
    const blocks: Range[] = [];
    for (let missing = count; missing > 0; ) {
      const [from, to] = queue.shift()!;
      const end = Math.min(to, from + missing);
      blocks.push([from, end]);
      if (end < to) queue.unshift([end, to]);
      missing -= end - from;
    }
    left -= count;
    yield { blocks, order: permutation(count, rng) };
  }
}
