import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ConfigError } from "../../util/errors.ts";
import { readColumns } from "../columns.ts";
import { type Range, RowSpans } from "../rowSpans.ts";
import type { StoredArray } from "../stored.ts";
import type { Truth } from "../truth.ts";
import type { Where } from "../where.ts";
import type { Shard } from "./shard.ts";
import { openShard, readPart } from "./shardFiles.node.ts";
import { type ActiveEntries, activeEntries, dictionaryOf } from "./truth.node.ts";
import { type OpenedShard, wantedRows } from "./wanted.node.ts";

/** Activations in files that are read by windows. Together they are one matrix, in the order of the files. */
export interface ShardSet {
  readonly shards: readonly Shard[];
  /** Those of all rows that are of the set; all, where there is no such list. Rows of the set are numbered among these. */
  readonly wanted?: RowSpans;
  readonly rows: number;
  readonly inputDim: number;
  /** Rows whose `split` is 0, where every shard has that column. */
  readonly trainSpans?: RowSpans;
  readonly layer: number | null;
  readonly position: number | null;
  /** What synthetic activations are made of, but for which features are in each row. */
  readonly truth?: Truth;
  /** Where that is said. */
  readonly active?: ActiveEntries;
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensor that is read of each file, where it was named. */
  readonly tensor?: string;
  /** Name of the folder, or of the first file. */
  readonly source: string;
}

const isShard = /^[^.].*\.(safetensors|npy)$/i;

const { compare } = new Intl.Collator("en", { numeric: true });
const byNumbers = (a: string, b: string): number => compare(a, b) || (a < b ? -1 : 1);

/** Folders that an error names. */
const mostNamed = 5;

/** What to do with a folder whose own folders hold shards, as a harvest of several places leaves it: which to name; `undefined` for any other. */
export async function foldersOfShards(folder: string): Promise<string | undefined> {
  const found: string[] = [];
  for (const one of await readdir(folder, { withFileTypes: true }))
    if (one.isDirectory() && (await readdir(join(folder, one.name)).catch(() => [])).some((name) => isShard.test(name)))
      found.push(join(folder, one.name));
  if (found.length === 0) return undefined;
  const shown = found.sort(byNumbers).slice(0, mostNamed).join(" or ");
  return `name ${shown}${found.length > mostNamed ? `, or one of ${found.length - mostNamed} more` : ""}`;
}

/**
 * The shards a path names: the .safetensors and .npy files of a folder, in the order of their names (numbers by value), or files
 * separated by commas, in the order given.
 * @throws {ConfigError} when there is nothing there.
 */
export async function shardPaths(text: string): Promise<readonly string[]> {
  const whole = await stat(text).catch(() => undefined);
  if (whole?.isDirectory()) {
    const all = await readdir(text);
    const archive = all.find((name) => /^[^.].*\.npz$/i.test(name));
    if (archive)
      throw new ConfigError(
        `${join(text, archive)}: an archive cannot be read by windows; save its array as .npy, or move it`,
      );
    const names = all.filter((name) => isShard.test(name));
    if (names.length === 0)
      throw new ConfigError(
        `${text}: no .safetensors or .npy file in this folder; ${(await foldersOfShards(text)) ?? "name one that has activations"}`,
      );
    return names.sort(byNumbers).map((name) => join(text, name));
  }
  const paths = whole ? [text] : text.split(",").map((part) => part.trim());
  if (paths.includes("")) throw new ConfigError(`--data: a name is missing in "${text}"; write a.npy,b.npy`);
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new ConfigError(`--data: ${twice} is there twice`);
  return paths;
}

/**
 * Reads the headers and columns of shards; `where` keeps the rows whose columns have these values, as of one file.
 * @throws {ConfigError} naming the shard that does not fit the first one.
 */
export async function openShards(
  paths: readonly string[],
  {
    tensor: name,
    where = {},
    source,
  }: { readonly tensor?: string | undefined; readonly where?: Where | undefined; readonly source: string },
): Promise<ShardSet> {
  const opened: OpenedShard[] = [];
  for (const path of paths) opened.push(await openShard(path, name));
  // Where activations were harvested, some part of the text may have had no row.
  const headers = opened.filter(({ shard }) => shard.rows > 0);
  if (headers.length === 0)
    throw new ConfigError(
      `${paths[0]}: ${paths.length > 1 ? `this and the other ${paths.length - 1} shards have` : "has"} no row; give activations of at least one`,
    );
  const shards = headers.map(({ shard }) => shard);
  const { width, path } = shards[0]!;
  for (const one of shards)
    if (one.width !== width)
      throw new ConfigError(`${one.path}: ${one.width} wide, ${path} is ${width}; shards of one set have one width`);
  const all: Readonly<Record<string, Float64Array>>[] = [];
  for (const header of headers) all.push(await columnsOf(header));
  const wanted = Object.keys(where).length > 0 ? await wantedRows(headers, where, basename(source)) : undefined;
  const { columns, of } = wanted ? onlyWanted(shards, all, wanted) : { columns: all, of: shards };
  const trainSpans = splitSpans(of, columns);
  const [truth, active] = [await dictionaryOf(opened, width), activeEntries(headers)];
  return {
    shards,
    ...(wanted ? { wanted } : {}),
    rows: wanted?.count ?? shards.reduce((sum, { rows }) => sum + rows, 0),
    inputDim: width,
    ...(trainSpans ? { trainSpans } : {}),
    ...(truth ? { truth } : {}),
    ...(truth && active ? { active } : {}),
    layer: shared("layer", columns, headers[0]!.metadata),
    position: shared("position", columns, headers[0]!.metadata),
    metadata: {
      ...headers[0]!.metadata,
      ...(headers.some(({ metadata }) => metadata.synthetic === "true") ? { synthetic: "true" } : {}),
    },
    ...(name === undefined ? {} : { tensor: name }),
    source: basename(source),
  };
}

/** Which rows train and which validate; see `splitRows`. */
export function splitShards({ rows, trainSpans, source }: ShardSet, trainRows?: number) {
  if (trainRows !== undefined && !(Number.isInteger(trainRows) && trainRows >= 1 && trainRows < rows))
    throw new ConfigError(
      `${source}: train rows must be an integer from 1 to ${rows - 1} of its ${rows} rows, got ${trainRows}`,
    );
  const first = trainRows ?? Math.floor(0.8 * rows);
  const train = (trainRows === undefined ? trainSpans : undefined) ?? RowSpans.of([0, first]);
  const rest: Range[] = [];
  let at = 0;
  for (const [from, to] of train.ranges()) {
    rest.push([at, from]);
    at = to;
  }
  return { train, validation: RowSpans.from([...rest, [at, rows]]) };
}

/** The columns of the wanted rows alone, and the shards that have any. */
function onlyWanted(
  shards: readonly Shard[],
  all: readonly Readonly<Record<string, Float64Array>>[],
  wanted: RowSpans,
) {
  let before = 0;
  const kept = shards.flatMap((shard, i) => {
    const [from, to] = [before, before + shard.rows];
    before = to;
    const ranges = wanted.ranges().flatMap(([a, b]): Range[] => {
      const [first, end] = [Math.max(a, from), Math.min(b, to)];
      return first < end ? [[first - from, end - from]] : [];
    });
    if (ranges.length === 0) return [];
    const rows = Uint32Array.from(ranges.flatMap(([a, b]) => Array.from({ length: b - a }, (_, at) => a + at)));
    const columns = Object.entries(all[i]!).map(
      ([name, column]) => [name, Float64Array.from(rows, (row) => column[row]!)] as const,
    );
    return [{ shard, columns: Object.fromEntries(columns) }];
  });
  return { columns: kept.map((one) => one.columns), of: kept.map((one) => one.shard) };
}

/** The columns with a meaning here, of one shard. */
async function columnsOf({ shard, matrix, others }: OpenedShard) {
  const arrays = new Map<string, StoredArray>();
  for (const [name, { from, to, ...entry }] of others)
    if (["split", "layer", "position"].includes(name))
      arrays.set(name, { ...entry, bytes: await readPart(shard.path, from, to) });
  return readColumns(arrays, matrix, shard.rows);
}

function splitSpans(
  shards: readonly Shard[],
  columns: readonly Readonly<Record<string, Float64Array>>[],
): RowSpans | undefined {
  const without = columns.findIndex(({ split }) => !split);
  if (columns.every(({ split }) => !split)) return undefined;
  if (without >= 0)
    throw new ConfigError(
      `${shards[without]!.path}: has no column "split", other shards have one; add it, or use --train-rows`,
    );
  const bounds: number[] = [];
  let before = 0;
  for (const [i, { split }] of columns.entries()) {
    for (const [row, value] of split!.entries()) {
      if (value !== 0 && value !== 1)
        throw new ConfigError(
          `${shards[i]!.path}: column "split" is ${value} at row ${row}; write 0 for train, 1 for validation`,
        );
      if (value === 1) continue;
      if (bounds.at(-1) === before + row) bounds[bounds.length - 1] = before + row + 1;
      else bounds.push(before + row, before + row + 1);
    }
    before += split!.length;
  }
  return new RowSpans(Float64Array.from(bounds));
}

/** The value all rows share, as `columnOf` gives it. */
function shared(
  name: string,
  columns: readonly Readonly<Record<string, Float64Array>>[],
  metadata: Readonly<Record<string, string>>,
): number | null {
  const first = columns[0]?.[name]?.[0];
  if (columns.every((one) => one[name]))
    return columns.every((one) => one[name]!.every((value) => value === first)) ? first! : null;
  const text = Object.hasOwn(metadata, name) ? metadata[name]!.trim() : "";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
