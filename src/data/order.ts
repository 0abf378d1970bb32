import { permutation, random } from "../util/random.ts";
import type { Range } from "./rowSpans.ts";

/** What decides the order of rows: the seed, how many rows are shuffled together (default: all), and the size of a batch. */
export interface Shuffle {
  readonly seed: number;
  readonly shuffleRows?: number | undefined;
  readonly batchSize: number;
}

/** The rows of an epoch that are shuffled together: those of `blocks`, one block after another; `order` is their order. */
export interface Window {
  readonly blocks: readonly Range[];
  readonly order: Uint32Array;
}

/** Blocks in a window: it mixes rows from this many places of the data. */
const blocksPerWindow = 16;

/** Rows of a full window of a set of `rows`: all of them where they can be shuffled at once, else a number of whole batches. */
export const windowRows = ({ shuffleRows, batchSize }: Shuffle, rows: number): number =>
  shuffleRows === undefined || rows <= shuffleRows
    ? rows
    : Math.max(1, Math.floor(shuffleRows / batchSize)) * batchSize;

/**
 * The order of one epoch over `rows` rows: a shuffle on two levels. First, blocks of neighbouring rows are put in a random
 * order. Then they are cut into windows of about `shuffleRows` rows, and each window is shuffled. Where all rows fit in one
 * window, the order is one permutation. It does not depend on memory.
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
