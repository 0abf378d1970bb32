import { readColumns } from "../columns.ts";
import type { StoredArray } from "../stored.ts";
import { openShard, readPart } from "./shardFiles.node.ts";
import type { ShardSet } from "./shardSet.node.ts";

/**
 * The columns of numbers that all shards of a set have, of the rows of the set, `[rows]` each; only those called `names` where that is given.
 * @throws {ConfigError} when one cannot be read.
 */
export async function shardColumns(
  set: ShardSet,
  names?: readonly string[],
): Promise<Readonly<Record<string, Float64Array>>> {
  const parts: Readonly<Record<string, Float64Array>>[] = [];
  for (const { path, rows } of set.shards) {
    const { others, matrix } = await openShard(path, set.tensor);
    const arrays = new Map<string, StoredArray>();
    for (const [name, { from, to, ...entry }] of others)
      if (entry.shape.length === 1 && entry.shape[0] === rows && (names?.includes(name) ?? true))
        arrays.set(name, { ...entry, bytes: await readPart(path, from, to) });
    parts.push(readColumns(arrays, matrix, rows));
  }
  const shared = Object.keys(parts[0] ?? {}).filter((name) => parts.every((part) => Object.hasOwn(part, name)));
  return Object.fromEntries(
    shared.map((name) => [
      name,
      joined(
        set,
        parts.map((part) => part[name]!),
      ),
    ]),
  );
}

function joined({ wanted, rows }: ShardSet, parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  if (!wanted) return all;
  const kept = new Float64Array(rows);
  at = 0;
  for (const [from, to] of wanted.ranges()) {
    kept.set(all.subarray(from, to), at);
    at += to - from;
  }
  return kept;
}
