/** @file The data of a sweep: rows with the same values in some columns are a group, on which SAEs of their own are trained. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { originInMetadata } from "../../checkpoint/origin.ts";
import { quote } from "../../data/quote.ts";
import { splitByGroup } from "../../data/splitByGroup.ts";
import { type Column, matchingRows, type Where } from "../../data/where.ts";
import { safe } from "../../record/names.ts";
import { ConfigError } from "../../util/errors.ts";
import type { AnySet } from "../dataset.node.ts";
import { filesOf, openSource, type Source, spansOf } from "./source.node.ts";

/** Which activations, and how they are divided. */
export interface SweepData {
  /** Files, folders of shards, and folders of such folders. */
  readonly data: readonly string[];
  readonly tensor?: string | undefined;
  readonly where?: Where | undefined;
  readonly target?: readonly string[] | undefined;
  readonly targetTensor?: string | undefined;
  /** Columns whose values make groups; none: all rows are one. */
  readonly by: readonly string[];
  /** Share of the rows that train; default: the set's split column, else the first 80 % of each group. */
  readonly split?: number | undefined;
  /** A column of which no value is on both sides of the split. */
  readonly splitBy?: string | undefined;
  /** The first so many rows of each group train. */
  readonly trainRows?: number | undefined;
}

/** Rows that have the same values in the columns that divide them. */
export interface DataGroup {
  /** `layer3_position0`: a folder's name. */
  readonly name: string;
  readonly values: Readonly<Record<string, number | string>>;
  readonly rows: number;
}

/** The groups of some activations. They are read when they are asked for; what the files hold is read once. */
export interface GroupedData {
  readonly inputDim: number;
  readonly outputDim: number | undefined;
  readonly groups: readonly DataGroup[];
  /** Names and sizes of the files. */
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /** How many rows of a group train, as `read` divides them. */
  trainRowsOf(group: DataGroup): number;
  read(group: DataGroup): Promise<{ set: AnySet; target: AnySet | undefined; trainRows: number | undefined }>;
}

/** Rows that nothing divides. */
const whole = "all";

/**
 * Opens activations and divides them into groups, in the order of their values.
 * @throws {ConfigError} for a file that cannot be read, a column that is not there, and a share or a group that cannot be split.
 */
export async function openGroups(request: SweepData, memory: number): Promise<GroupedData> {
  const { by, split, splitBy, where = {}, trainRows } = request;
  if (splitBy !== undefined && split === undefined)
    throw new ConfigError("--split-by: needs --split, the share of the rows that train, such as --split 0.8");
  if (split !== undefined && !(split > 0 && split < 1))
    throw new ConfigError(`--split must be a share of the rows between 0 and 1, such as 0.8, got ${split}`);
  if (split !== undefined && trainRows !== undefined)
    throw new ConfigError("--split and --train-rows say the same thing; give one of them");
  const paths = await filesOf(request.data);
  const names = [...by, ...(splitBy === undefined ? [] : [splitBy]), ...Object.keys(where)];
  const source = await openSource(paths, { tensor: request.tensor, names, memory });
  const target = await openTarget(request, paths, source, memory);
  const wanted =
    Object.keys(where).length > 0
      ? matchingRows(source.columns, where, source.rows, source.name)
      : Uint32Array.from({ length: source.rows }, (_, row) => row);
  const side = await sidesOf(source, request, wanted);
  const groups = groupsOf(source, by, wanted);
  const firstRows = (rows: number) => trainRows ?? (side ? undefined : Math.floor((split ?? 0.8) * rows));
  const training = new Map(
    [...groups].map(([group, rows]) => {
      const first = firstRows(rows.length);
      return [group, first ?? rows.filter((row) => side![row] === 0).length];
    }),
  );
  for (const [group, count] of training) {
    const { name, rows } = group;
    if (count < 1 || count >= rows)
      throw new ConfigError(
        `${source.name}: ${name === whole ? "" : `group ${groupInWords(group)} has `}${rows} rows, ${count} of them train; both sides need rows: change the split, or leave it out with --where`,
      );
  }
  const files = await Promise.all(
    paths.map(async (path) => ({ file: basename(path), bytes: (await stat(path)).size })),
  );
  const taken = async (from: Source, group: DataGroup) => {
    const rows = groups.get(group)!;
    const set = await from.take(rows);
    const sides = side && Float64Array.from(rows, (row) => side[row]!);
    return labelled(
      "shards" in set ? set : { ...set, ...(sides ? { columns: { ...set.columns, split: sides } } : {}) },
      group,
      sides,
    );
  };
  return {
    inputDim: source.inputDim,
    outputDim: target?.inputDim,
    groups: [...groups.keys()],
    files,
    trainRowsOf: (group) => training.get(group)!,
    async read(group) {
      const set = await taken(source, group);
      return { set, target: target && (await taken(target, group)), trainRows: firstRows(group.rows) };
    },
  };
}

/** A group as people know it, and as `--where` takes it: `layer=3,position=0`. */
export const groupInWords = ({ name, values }: Pick<DataGroup, "name" | "values">): string =>
  Object.entries(values)
    .map(([column, value]) => `${column}=${value}`)
    .join(",") || name;

async function openTarget(
  { target: words, targetTensor }: SweepData,
  paths: readonly string[],
  source: Source,
  memory: number,
): Promise<Source | undefined> {
  if (words === undefined && targetTensor === undefined) return undefined;
  const target = await openSource(words ? await filesOf(words) : paths, { tensor: targetTensor, names: [], memory });
  if (target.rows !== source.rows)
    throw new ConfigError(
      `--target: ${target.name} has ${target.rows} rows, ${source.name} has ${source.rows}; both need the same rows in the same order`,
    );
  return target;
}

/** Of each row of the file whether it trains (0) or validates (1); nothing where the first rows of a group train. */
async function sidesOf(
  { columns, name, rows }: Source,
  { split, splitBy, trainRows }: SweepData,
  wanted: Uint32Array,
): Promise<Float64Array | undefined> {
  if (splitBy === undefined) {
    const own = split === undefined && trainRows === undefined ? columns.split : undefined;
    if (!own) return undefined;
    const odd = wanted.find((row) => Number(own[row]) !== 0 && Number(own[row]) !== 1);
    if (odd !== undefined)
      throw new ConfigError(
        `${name}: column "split" is ${own[odd]} at row ${odd}; write 0 for train, 1 for validation`,
      );
    return Float64Array.from(own as ArrayLike<number>, Number);
  }
  const column = columnIn(columns, splitBy, name);
  const some = await splitByGroup(Array.from(wanted, (row) => column[row]!) as Column, split!, splitBy);
  const all = new Float64Array(rows);
  for (const [i, row] of wanted.entries()) all[row] = some[i]!;
  return all;
}

/** The groups and their rows, in the order of their values. */
function groupsOf({ columns, name }: Source, by: readonly string[], wanted: Uint32Array): Map<DataGroup, Uint32Array> {
  const own = by.map((column) => columnIn(columns, column, name));
  const found = new Map<string, number[]>();
  for (const row of wanted) {
    const key = JSON.stringify(own.map((column) => column[row]));
    const rows = found.get(key);
    if (rows) rows.push(row);
    else found.set(key, [row]);
  }
  const sorted = [...found]
    .map(([key, rows]) => [JSON.parse(key) as (number | string)[], rows] as const)
    .sort(([a], [b]) => compare(a, b));
  return new Map(
    sorted.map(([values, rows]) => {
      const named = by.map((column, i) => `${safe(column)}${safe(String(values[i]))}`);
      const group = {
        name: named.join("_") || whole,
        values: Object.fromEntries(by.map((column, i) => [column, values[i]!])),
        rows: rows.length,
      };
      return [group, Uint32Array.from(rows)];
    }),
  );
}

function columnIn(columns: Readonly<Record<string, Column>>, column: string, name: string): Column {
  if (Object.hasOwn(columns, column)) return columns[column]!;
  const known = Object.keys(columns).join(", ") || "none of those asked for";
  throw new ConfigError(`${name}: no column ${quote(column)}; of its columns and labels there are ${known}`);
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [i, one] of a.entries()) {
    const other = b[i]!;
    if (one === other) continue;
    return typeof one === "number" && typeof other === "number" ? one - other : String(one) < String(other) ? -1 : 1;
  }
  return 0;
}

/** A set that says which group it is; of one in files, with its split. */
function labelled(set: AnySet, { values }: DataGroup, sides: Float64Array | undefined): AnySet {
  const isPlace = (name: string) => name === "layer" || name === "position";
  const others = Object.entries(values).filter(([name]) => !isPlace(name));
  const places = Object.fromEntries(Object.entries(values).filter(([name]) => isPlace(name)));
  const group = others.map(([name, value]) => `${name}=${value}`).join(", ");
  const origin = { ...originInMetadata(set.metadata), group };
  const texts = Object.fromEntries(Object.entries(places).map(([name, value]) => [name, String(value)]));
  const metadata = { ...set.metadata, ...texts, ...(group === "" ? {} : { origin: JSON.stringify(origin) }) };
  if (!("shards" in set)) return { ...set, metadata };
  const training = sides && spansOf(Uint32Array.from(sides.keys()).filter((row) => sides[row] === 0));
  return { ...set, metadata, ...(training ? { trainSpans: training } : {}) };
}
