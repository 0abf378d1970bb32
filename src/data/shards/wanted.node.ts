import { ConfigError } from "../../util/errors.ts";
import { visible } from "../../util/visible.ts";
import { readColumns } from "../columns.ts";
import { readLabels } from "../files.node.ts";
import { labelColumns } from "../labels.ts";
import { quote } from "../quote.ts";
import { type Range, RowSpans } from "../rowSpans.ts";
import { type Column, matchingRows, type Where } from "../where.ts";
import type { Shard, ShardHeader } from "./shard.ts";
import { readPart } from "./shardFiles.node.ts";

/** A shard with what its header says. */
export type OpenedShard = ShardHeader & { readonly shard: Shard };

/**
 * The rows of shards whose columns have the wanted values, by their numbers in all of them; as `matchingRows` of one file that holds all.
 * A column is a tensor of every shard, or stands in the labels beside each.
 * @throws {ConfigError} for a column that there is not, or not in all shards, and when no row fits.
 */
export async function wantedRows(headers: readonly OpenedShard[], where: Where, source: string): Promise<RowSpans> {
  const parts: Readonly<Record<string, Column>>[] = [];
  for (const header of headers) parts.push(await columnsOf(header, Object.keys(where)));
  for (const name of Object.keys(where)) {
    const without = parts.findIndex((columns) => !Object.hasOwn(columns, name));
    if (without < 0) continue;
    const known = Object.keys(parts[without]!).map(visible).join(", ") || "none";
    throw new ConfigError(`${headers[without]!.shard.path}: no column ${quote(name)}; it has ${known}`);
  }
  const columns = Object.fromEntries(Object.keys(where).map((name) => [name, joined(parts.map((one) => one[name]!))]));
  const rows = headers.reduce((sum, { shard }) => sum + shard.rows, 0);
  const ranges: Range[] = [];
  for (const row of matchingRows(columns, where, rows, source)) {
    const last = ranges.at(-1);
    if (last?.[1] === row) ranges[ranges.length - 1] = [last[0], row + 1];
    else ranges.push([row, row + 1]);
  }
  return RowSpans.from(ranges);
}

/** Columns of all rows of some shards, by name; those that not all shards have are left out. @throws {ConfigError} when one cannot be read. */
export async function columnsOfShards(
  headers: readonly OpenedShard[],
  names: readonly string[],
): Promise<Readonly<Record<string, Column>>> {
  const all = Object.entries(await namedColumns(headers, names));
  return Object.fromEntries(all.filter(([name]) => names.includes(name)));
}

/** As `columnsOfShards`, and besides the other columns of the shards, empty: what there is, for messages. */
export async function namedColumns(
  headers: readonly OpenedShard[],
  names: readonly string[],
): Promise<Readonly<Record<string, Column>>> {
  const parts: Readonly<Record<string, Column>>[] = [];
  for (const header of headers) parts.push(await columnsOf(header, names));
  const shared = Object.keys(parts[0] ?? {}).filter((name) => parts.every((one) => Object.hasOwn(one, name)));
  return Object.fromEntries(
    shared.map((name) => [name, names.includes(name) ? joined(parts.map((one) => one[name]!)) : []]),
  );
}

/** The columns of one shard; those that nobody asks for are named and not read. */
async function columnsOf({ shard, matrix, others }: OpenedShard, names: readonly string[]) {
  const columns: Record<string, Column> = {};
  for (const [name, { from, to, ...entry }] of others)
    if (!names.includes(name)) {
      if (entry.shape.length === 1 && entry.shape[0] === shard.rows) columns[name] = [];
    } else {
      const stored = { ...entry, bytes: await readPart(shard.path, from, to) };
      Object.assign(columns, readColumns(new Map([[name, stored]]), matrix, shard.rows));
    }
  const missing = names.some((name) => !Object.hasOwn(columns, name));
  const labels = missing ? await readLabels(shard.path, shard.rows) : null;
  return { ...labelColumns(labels ?? []), ...columns };
}

/** Columns one after another: numbers where all are. */
function joined(parts: readonly Column[]): Column {
  const isText = (part: Column): part is readonly string[] => typeof part[0] === "string";
  if (parts.some(isText))
    return parts.flatMap((part) => (isText(part) ? part : Array.from(part as ArrayLike<number>, (one) => `${one}`)));
  const rows = parts.reduce((sum, { length }) => sum + length, 0);
  const all = new Float64Array(rows);
  let at = 0;
  for (const part of parts as readonly ArrayLike<number>[]) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
