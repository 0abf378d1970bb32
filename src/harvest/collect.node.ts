/** @file The rows that are wanted of some texts, by running the model on them. */
import { batchesByLength } from "./batches.ts";
import type { HarvestRequest } from "./request.node.ts";
import type { RowReader } from "./rows.ts";
import type { ShardRows } from "./shards.node.ts";
import type { EncodedText } from "./text/texts.node.ts";

/** What rows are read from, and whether texts of several lengths may be in one run. */
export interface Source {
  readonly read: RowReader<EncodedText>;
  readonly fills: boolean;
  readonly release: () => Promise<void>;
}

/** A text whose rows are wanted at some positions; the first is row `row` of its shard. */
export interface Wanted {
  readonly text: EncodedText;
  readonly positions: Int32Array;
  readonly row: number;
}

/** The rows of some texts, in the order of the texts, run in batches of like length. */
export async function collect(
  { taps, batchTokens, thoughts }: HarvestRequest,
  { read, fills }: Source,
  wanted: readonly Wanted[],
  rows: number,
  run: { modelSeconds: number },
): Promise<ShardRows> {
  const text = new Int32Array(rows);
  const position = new Int32Array(rows);
  const token = new Int32Array(rows);
  // A thought is no token, and stands nowhere in its text.
  const offsets = wanted[0]?.text.offsets && !thoughts ? new Int32Array(2 * rows) : undefined;
  for (const one of wanted)
    for (const [i, at] of one.positions.entries()) {
      const row = one.row + i;
      text[row] = one.text.number;
      position[row] = at;
      token[row] = thoughts ? -1 : one.text.ids[at]!;
      offsets?.set(one.text.offsets!.subarray(2 * at, 2 * at + 2), 2 * row);
    }
  const values = new Map<string, { width: number; data: Float32Array }>();
  const lengths = Int32Array.from(wanted, (one) => one.text.ids.length);
  for (const members of batchesByLength(lengths, batchTokens, fills)) {
    const some = members.map((at) => wanted[at]!);
    const started = performance.now();
    const rowsOf = await read(some.map((one) => one.text));
    run.modelSeconds += (performance.now() - started) / 1000;
    for (const { name } of taps) {
      const { width, rowAt } = rowsOf(name);
      const into = values.get(name) ?? { width, data: new Float32Array(rows * width) };
      values.set(name, into);
      for (const [i, one] of some.entries())
        for (const [j, at] of one.positions.entries()) into.data.set(rowAt(i, at), (one.row + j) * width);
    }
  }
  return { text, position, token, offsets, values };
}
