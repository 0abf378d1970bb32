import { LabelLines } from "../data/labelLines.node.ts";
import type { Label } from "../data/labels.ts";
import { RowSpans } from "../data/rowSpans.ts";
import { rowBatches } from "../data/shards/batches.node.ts";
import { shardColumns } from "../data/shards/columns.node.ts";
import { type ShardSet, shardPaths, splitShards } from "../data/shards/shardSet.node.ts";
import { splitRows } from "../data/split.ts";
import type { AnyRows } from "../evaluate/evaluate.ts";
import { FactsBuilder, type RowFacts } from "../features/facts.ts";
import { ConfigError } from "../util/errors.ts";
import { sliceRows } from "../util/tensor.ts";
import type { AnySet } from "./dataset.node.ts";

/** Which activations, as the command line names them. */
interface Named {
  readonly set: AnySet;
  readonly data: string;
  readonly trainRows?: number | undefined;
  readonly vocabulary?: readonly (string | undefined)[] | undefined;
}

/** All rows of a set in their order, training and validation rows alike; or the first `most` of them. */
export function allRows(set: AnySet, most = Number.POSITIVE_INFINITY): AnyRows {
  if (!("shards" in set)) return sliceRows(set.activations, 0, Math.min(most, set.activations.dims[0]!));
  const rows = Math.min(most, set.rows);
  const first = RowSpans.of([0, rows]);
  const spans = set.wanted?.within(first) ?? first;
  return {
    dims: [rows, set.inputDim],
    batches: (batchSize) => rowBatches(set.shards, spans, batchSize),
  };
}

/** What is known of the rows of a set: its columns, and the labels beside its files. @throws {ConfigError} when labels are damaged, or not one a row. */
export async function rowFacts({ set, data, trainRows, vocabulary }: Named): Promise<RowFacts> {
  const rows = "shards" in set ? set.rows : set.activations.dims[0]!;
  const columns = "shards" in set ? await shardColumns(set) : set.columns;
  const numbers = numbersInFiles(set);
  const parts = await labelFiles(set, data);
  const files: { readonly lines: LabelLines; readonly first: number }[] = [];
  const place = placesOf(numbers);
  const builder = new FactsBuilder({
    ...{ validation: validationRows(set, rows, trainRows), columns, vocabulary },
    labels: parts.length === 0 ? undefined : (wanted) => labelsOf(files, wanted, numbers),
  });
  let first = 0;
  let hasLabels = false;
  for (const { path, rows: count } of parts) {
    const start = first;
    const lines = LabelLines.open(path, count, (row, label) => {
      const at = place(start + row);
      if (at !== undefined) builder.addLabel(at, label);
    });
    if (first > 0 && (lines !== undefined) !== hasLabels)
      throw new ConfigError(
        `${path}: ${lines ? "has labels, other files of the set have none" : "has no labels beside it, other files of the set have some"}; give them all labels`,
      );
    hasLabels = lines !== undefined;
    if (lines) files.push({ lines, first });
    first += count;
  }
  const facts = builder.finish();
  return hasLabels ? facts : { ...facts, labels: undefined };
}

function validationRows(set: AnySet, rows: number, trainRows: number | undefined): Uint8Array {
  const held = new Uint8Array(rows);
  if ("shards" in set) for (const [from, to] of splitShards(set, trainRows).validation.ranges()) held.fill(1, from, to);
  else for (const row of splitRows(set, trainRows).validation) held[row] = 1;
  return held;
}

/** The number of each row of a set in its files; `undefined` where all rows are of the set. */
function numbersInFiles(set: AnySet): Float64Array | Uint32Array | undefined {
  if (!("shards" in set)) return set.wanted;
  if (!set.wanted) return undefined;
  const numbers = new Float64Array(set.rows);
  let at = 0;
  for (const [from, to] of set.wanted.ranges()) for (let row = from; row < to; row++) numbers[at++] = row;
  return numbers;
}

/** The number in the set of rows that are asked for in ascending order. */
function placesOf(numbers: ArrayLike<number> | undefined): (row: number) => number | undefined {
  if (!numbers) return (row) => row;
  let at = 0;
  return (row) => {
    while (at < numbers.length && numbers[at]! < row) at++;
    return numbers[at] === row ? at : undefined;
  };
}

/** The files whose labels to read, with their rows; none of a .pt file or of a pipe. */
async function labelFiles(set: AnySet, data: string): Promise<readonly { path: string; rows: number }[]> {
  if ("shards" in set) return (set as ShardSet).shards;
  const [path] = await shardPaths(data);
  if (!path || !/\.(npy|npz|safetensors)$/i.test(path)) return [];
  return [{ path, rows: set.rowsInFile ?? set.activations.dims[0]! }];
}

function labelsOf(
  files: readonly { readonly lines: LabelLines; readonly first: number }[],
  wanted: ArrayLike<number>,
  numbers: ArrayLike<number> | undefined,
): (Label | null)[] {
  const rows = Array.from(wanted, (row) => numbers?.[row] ?? row);
  const found: Label[] = [];
  // Both are ascending.
  for (const [i, { lines, first }] of files.entries()) {
    const end = files[i + 1]?.first ?? Number.POSITIVE_INFINITY;
    found.push(...lines.read(rows.filter((row) => row >= first && row < end).map((row) => row - first)));
  }
  return found;
}
