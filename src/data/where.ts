import { ConfigError } from "../util/errors.ts";
import type { ActivationSet } from "./activations.ts";
import { quote } from "./quote.ts";
import { takeRows } from "./split.ts";

/** Which rows are wanted: a value for some columns, all of which a row must have. */
export type Where = Readonly<Record<string, number>>;

/** The conditions in `position=3,layer=14`; none in nothing. @throws {ConfigError} for anything else. */
export function parseWhere(text: string | undefined): Where {
  if (text === undefined) return {};
  const conditions = text.split(",").map((part) => /^\s*([\w-]+)\s*=\s*(-?\d+(?:\.\d+)?)\s*$/.exec(part));
  const bad = conditions.includes(null);
  const names = conditions.map((one) => one?.[1]);
  if (bad || new Set(names).size < names.length)
    throw new ConfigError(`--where: must be columns and numbers such as position=3,layer=14, got ${quote(text)}`);
  return Object.fromEntries(conditions.map((one) => [one![1]!, Number(one![2])]));
}

/** The numbers of the rows that fit, ascending. @throws {ConfigError} for a column there is not, and when no row fits. */
export function matchingRows(
  columns: Readonly<Record<string, ArrayLike<number>>>,
  where: Where,
  rows: number,
  file: string,
): Uint32Array {
  const conditions = Object.entries(where);
  for (const [name] of conditions)
    if (!Object.hasOwn(columns, name))
      throw new ConfigError(`${file}: no column ${quote(name)}; it has ${Object.keys(columns).join(", ") || "none"}`);
  const fits = (row: number) => conditions.every(([name, value]) => columns[name]![row] === value);
  const found = Uint32Array.from({ length: rows }, (_, row) => row).filter(fits);
  if (found.length > 0) return found;
  const some = conditions.map(([name]) => {
    const values = [...new Set(Array.from(columns[name]!))];
    return `${name} has ${values.slice(0, 12).join(", ")}${values.length > 12 ? ` and ${values.length - 12} more` : ""}`;
  });
  throw new ConfigError(`${file}: no row with ${conditions.map((one) => one.join("=")).join(",")}; ${some.join("; ")}`);
}

/** The part of a set whose rows fit. @throws {ConfigError} as `matchingRows`. */
export function rowsWhere(set: ActivationSet, where: Where): ActivationSet {
  if (Object.keys(where).length === 0) return set;
  const rows = matchingRows(set.columns, where, set.activations.dims[0]!, set.source);
  const columns = Object.entries(set.columns).map(
    ([name, column]) => [name, Float64Array.from(rows, (row) => column[row]!)] as const,
  );
  return { ...set, activations: takeRows(set.activations, rows), columns: Object.fromEntries(columns) };
}
