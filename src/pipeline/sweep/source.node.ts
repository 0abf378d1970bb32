/** @file Activations of which any rows can be taken: one file in memory, or files that are read by windows. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ActivationSet } from "../../data/activations.ts";
import { isPipe, readLabelled } from "../../data/files.node.ts";
import { type Range, RowSpans } from "../../data/rowSpans.ts";
import { openShard, ShardReader } from "../../data/shards/shardFiles.node.ts";
import { openShards, type ShardSet, shardPaths } from "../../data/shards/shardSet.node.ts";
import { columnsOfShards } from "../../data/shards/wanted.node.ts";
import { type Column, rowsOf } from "../../data/where.ts";
import { ConfigError } from "../../util/errors.ts";
import { tensor } from "../../util/tensor.ts";
import type { AnySet } from "../dataset.node.ts";

/** Activations, the columns that were asked for, and a way to take rows of them. */
export interface Source {
  readonly rows: number;
  readonly inputDim: number;
  /** Name of the file or folder. */
  readonly name: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Some rows, ascending, in memory where there is room for them. */
  take(rows: Uint32Array): Promise<AnySet>;
}

/** Share of the memory that rows may take and still be held as a whole, here and in every training process. */
const share = 1 / 8;

/** The files that some words name: files, folders of shards, and folders of such folders, as a harvest of several places leaves them. */
export async function filesOf(words: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const word of words) {
    const folders = await foldersIn(word);
    for (const one of folders.length > 0 ? folders : [word]) found.push(...(await shardPaths(one)));
  }
  return found;
}

/** The folders in a folder that hold shards, where it holds none itself. */
async function foldersIn(path: string): Promise<string[]> {
  const shards = async (folder: string) =>
    (await readdir(folder).catch(() => [])).some((name) => /^[^.].*\.(safetensors|npy)$/i.test(name));
  if (!(await stat(path).catch(() => undefined))?.isDirectory() || (await shards(path))) return [];
  const inside = (await readdir(path)).sort(new Intl.Collator("en", { numeric: true }).compare);
  const folders = [];
  for (const name of inside) if (await shards(join(path, name))) folders.push(join(path, name));
  return folders;
}

/** Opens files with some columns of theirs. @throws {ConfigError} when something is missing, damaged, or does not fit. */
export async function openSource(
  paths: readonly string[],
  {
    tensor: name,
    names,
    memory,
  }: { readonly tensor?: string | undefined; readonly names: readonly string[]; readonly memory: number },
): Promise<Source> {
  const [path] = paths as [string];
  const known = ["layer", "position", "split"];
  const asked = [...new Set([...known, ...names])];
  if (paths.length === 1 && (await isWhole(path, memory))) {
    const { set, columns } = await readLabelled(path, { tensor: name, names: asked });
    const [rows, inputDim] = set.activations.dims as [number, number];
    return {
      rows,
      inputDim,
      name: set.source,
      columns,
      metadata: set.metadata,
      take: async (some) => rowsOf(set, some),
    };
  }
  const set = await openShards(paths, { tensor: name, source: path });
  const headers = [];
  for (const { path: one } of set.shards) headers.push(await openShard(one, name));
  const columns = await columnsOfShards(headers, asked);
  const { rows, inputDim, source } = set;
  return {
    ...{ rows, inputDim, columns, name: source, metadata: set.metadata },
    take: (some) => takeOfShards(set, columns, some, memory),
  };
}

/** Whether a file is read whole: it is small beside the memory, or cannot be read otherwise. */
async function isWhole(path: string, memory: number): Promise<boolean> {
  if (/\.(npz|pt)$/i.test(path) || (await isPipe(path))) return true;
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  return size <= memory * share;
}

async function takeOfShards(
  set: ShardSet,
  columns: Source["columns"],
  some: Uint32Array,
  memory: number,
): Promise<AnySet> {
  const spans = spansOf(some);
  const taken = Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) =>
      typeof column[0] === "number" ? [[name, Float64Array.from(some, (row) => column[row] as number)]] : [],
    ),
  );
  const { inputDim, metadata, source } = set;
  if (some.length * inputDim * 4 <= memory * share) {
    const data = new Float32Array(some.length * inputDim);
    await new ShardReader(set.shards).read(spans.ranges(), data);
    checkFinite(data, inputDim, some, source);
    const activations = tensor("float32", [some.length, inputDim], data);
    return { activations, columns: taken, metadata, source } satisfies ActivationSet;
  }
  const same = (name: string) => {
    const column = taken[name];
    return column?.every((value) => value === column[0]) ? column[0]! : null;
  };
  const { trainSpans: _, truth: __, active: ___, ...rest } = set;
  return { ...rest, wanted: spans, rows: some.length, layer: same("layer"), position: same("position") };
}

function checkFinite(data: Float32Array, width: number, rows: Uint32Array, source: string): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new ConfigError(
      `${basename(source)}: ${data[at]} at row ${rows[Math.floor(at / width)]}, column ${at % width}; drop such rows`,
    );
}

/** Ascending row numbers as ranges. */
export function spansOf(rows: Uint32Array): RowSpans {
  const ranges: Range[] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last?.[1] === row) ranges[ranges.length - 1] = [last[0], row + 1];
    else ranges.push([row, row + 1]);
  }
  return RowSpans.from(ranges);
}
