import type { RowSpans } from "../rowSpans.ts";
import type { SafetensorsEntry } from "../safetensors.ts";
import type { StoredArray } from "../stored.ts";
import { filledUp, readNumbers, readTruth, type Truth, truthTensors } from "../truth.ts";
import type { Shard } from "./shard.ts";
import { readPart } from "./shardFiles.node.ts";
import type { OpenedShard } from "./wanted.node.ts";

/** The dictionary and its trees, from the first shard that has one. @throws {ConfigError} as `readTruth`. */
export async function dictionaryOf(shards: readonly OpenedShard[], inputDim: number): Promise<Truth | undefined> {
  const owner = shards.find(({ others }) => others.has(truthTensors.features));
  if (!owner) return undefined;
  const arrays = new Map<string, StoredArray>();
  for (const name of [truthTensors.features, truthTensors.parents]) {
    const entry = owner.others.get(name);
    if (entry) arrays.set(name, { ...entry, bytes: await readPart(owner.shard.path, entry.from, entry.to) });
  }
  return readTruth(arrays, owner.shard.rows, inputDim);
}

/** Where each shard says which true features are in its rows; nothing unless all do. */
export type ActiveEntries = readonly { readonly shard: Shard; readonly entry: SafetensorsEntry }[];

export function activeEntries(shards: readonly OpenedShard[]): ActiveEntries | undefined {
  const all = shards.map(({ shard, others }) => ({ shard, entry: others.get(truthTensors.active) }));
  return all.every(({ entry }) => entry) ? (all as ActiveEntries) : undefined;
}

/** Which true features are in some rows of the whole, `[spans.count, most]`, one shard in memory at a time. */
export async function activeRows(entries: ActiveEntries, spans: RowSpans, features: number) {
  const lists: Int32Array[] = [];
  let before = 0;
  for (const { shard, entry } of entries) {
    const { path, rows } = shard;
    const wanted = spans.ranges().filter(([from, to]) => from < before + rows && to > before);
    if (wanted.length > 0) {
      const array = { ...entry, bytes: await readPart(path, entry.from, entry.to) };
      const { data, dims } = readNumbers(array, [rows, undefined], features);
      const most = dims[1]!;
      for (const [from, to] of wanted)
        for (let row = Math.max(from - before, 0); row < Math.min(to - before, rows); row++)
          lists.push(data.slice(row * most, (row + 1) * most));
    }
    before += rows;
  }
  return filledUp(lists);
}
