import { ConfigError } from "../../util/errors.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { checkFiniteRows } from "../finite.ts";
import { RowSpans } from "../rowSpans.ts";
import type { Column, Where } from "../where.ts";
import { openShard, ShardReader } from "./shardFiles.node.ts";
import { openShards } from "./shardSet.node.ts";
import { namedColumns, type OpenedShard } from "./wanted.node.ts";

/** Most numbers of rows that are held in memory: 4 GiB. */
const mostEntries = 2 ** 30;

/** All rows of some shards in memory, with columns of them by name; those that nobody asked for are named and empty. */
export interface LabelledRows {
  readonly activations: HostTensor<"float32">;
  readonly columns: Readonly<Record<string, Column>>;
  readonly source: string;
}

/**
 * As `readLabelled` of one file that holds the rows of all shards: the wanted ones, with the columns of these names.
 * @throws {ConfigError} as `openShards`, and where the rows are too many to be held.
 */
export async function readLabelledShards(
  paths: readonly string[],
  {
    names,
    ...options
  }: {
    readonly tensor?: string | undefined;
    readonly where?: Where | undefined;
    readonly source: string;
    readonly names: readonly string[];
  },
): Promise<LabelledRows> {
  const set = await openShards(paths, options);
  const { rows, inputDim, shards, source, wanted = RowSpans.of([0, rows]) } = set;
  if (rows * inputDim > mostEntries)
    throw new ConfigError(
      `${source}: ${rows} rows, ${inputDim} wide, take ${((rows * inputDim) / 2 ** 28).toFixed(1)} GiB as float32, at most 4 GiB are held in memory; take fewer rows, with --where`,
    );
  const data = new Float32Array(rows * inputDim);
  await new ShardReader(shards).read(wanted.ranges(), data);
  const activations = tensor("float32", [rows, inputDim], data);
  checkFiniteRows(activations, source);
  const headers: OpenedShard[] = [];
  for (const { path } of shards) headers.push(await openShard(path, options.tensor));
  const all = await namedColumns(headers, names);
  if (!set.wanted) return { activations, columns: all, source };
  const numbers = wanted.ranges().flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
  const columns = Object.entries(all).map(
    ([name, column]) => [name, column.length === 0 ? column : numbers.map((row) => column[row]!)] as const,
  );
  return { activations, columns: Object.fromEntries(columns) as Record<string, Column>, source };
}
