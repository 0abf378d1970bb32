import { ConfigError } from "../util/errors.ts";
import { visible } from "../util/visible.ts";
import type { ActivationSet } from "./activations.ts";
import { quote } from "./quote.ts";
import { takeRows } from "./split.ts";
import { truthOfRows } from "./truth.ts";

/** Numbers from one to another, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What a column must be: one of some values; or, with `not`, none of them. */
export interface Wanted {
  readonly not?: boolean;
  readonly values: readonly (number | string | Range)[];
}

/** Which rows are wanted: a value, or more, for some columns, all of which a row must have. */
export type Where = Readonly<Record<string, number | string | Wanted>>;

/** One value a row: numbers or texts. */
export type Column = ArrayLike<number> | readonly string[];

const malformed = (text: string, why = "") =>
  new ConfigError(
    `--where: must be columns and numbers or texts such as position=3, layer=0,1, position=1..5, label!=x or token=" of", got ${quote(text)}${why}`,
  );

/** One part up to a comma: a column and what it must be, or one more value of the column before; the value as a JSON string, or as it is. */
const part = /\s*(?:([^\s=!;,"][^\s=!;,]*)\s*(!?=))?\s*(?:("(?:[^"\\]|\\.)*")\s*(?=,|$)|([^=!;,]*?)\s*(?=,|$))/y;

/**
 * The conditions in `position=1..5,layer=0,1,label!=x`; none in nothing. What follows a comma and has no `=` is one more value of the
 * column before. A value in quotes is the text that this JSON string stands for, blanks at its ends too.
 * @throws {ConfigError} for anything else.
 */
export function parseWhere(text: string | undefined): Where {
  if (text === undefined) return {};
  const found = new Map<string, { not: boolean; values: (number | string | Range)[] }>();
  let last: { not: boolean; values: (number | string | Range)[] } | undefined;
  for (let at = 0; at <= text.length; at = part.lastIndex + 1) {
    part.lastIndex = at;
    const [, name, operator, quoted, value] = part.exec(text) ?? [];
    if (quoted === undefined && !value) throw malformed(text);
    if (name !== undefined) {
      if (found.has(name)) throw malformed(text, `; ${quote(name)} is there twice`);
      last = { not: operator === "!=", values: [] };
      found.set(name, last);
    }
    if (!last) throw malformed(text);
    last.values.push(quoted === undefined ? parseValue(value!, text) : unquoted(quoted, text));
  }
  return Object.fromEntries([...found].map(([name, wanted]) => [name, plain(wanted)]));
}

const number = "-?\\d+(?:\\.\\d+)?";
const isNumber = new RegExp(`^${number}$`);
const isRange = new RegExp(`^(${number})\\.\\.(${number})$`);

function parseValue(value: string, text: string): number | string | Range {
  // A text such as 007 is not the number 7.
  if (isNumber.test(value) && String(Number(value)) === value) return Number(value);
  const [, from, to] = isRange.exec(value) ?? [];
  if (from === undefined || to === undefined) return value;
  if (Number(from) > Number(to)) throw malformed(text, `; ${value} runs backwards`);
  return { from: Number(from), to: Number(to) };
}

function unquoted(value: string, text: string): string {
  try {
    return JSON.parse(value) as string;
  } catch {
    throw malformed(text, `; ${value} is no JSON string`);
  }
}

/** One value that must be there stands for itself. */
function plain({ not, values }: { readonly not: boolean; readonly values: readonly (number | string | Range)[] }) {
  const [only] = values;
  if (!not && values.length === 1 && typeof only !== "object") return only!;
  return not ? { not, values } : { values };
}

/** The numbers of the rows that fit, ascending. @throws {ConfigError} for a column there is not, and when no row fits. */
export function matchingRows(
  columns: Readonly<Record<string, Column>>,
  where: Where,
  rows: number,
  file: string,
): Uint32Array {
  const conditions = Object.entries(where).map(([name, value]) => {
    const wanted: Wanted = typeof value === "object" ? value : { values: [value] };
    if (!Object.hasOwn(columns, name))
      throw new ConfigError(
        `${file}: no column ${quote(name)}; it has ${Object.keys(columns).map(visible).join(", ") || "none"}`,
      );
    return { name, wanted, column: columns[name]!, fits: testOf(columns[name]!, wanted, name, file) };
  });
  const found = Uint32Array.from({ length: rows }, (_, row) => row).filter((row) =>
    conditions.every(({ column, wanted, fits }) => fits(column[row]!) !== (wanted.not ?? false)),
  );
  if (found.length > 0) return found;
  const some = conditions.map(({ name, column }) => {
    const values = [...new Set<number | string>(Array.from<number | string>(column))];
    const shown = values.slice(0, 12).map((one) => (typeof one === "string" ? quote(one) : one));
    return `${visible(name)} has ${shown.join(", ")}${values.length > 12 ? ` and ${values.length - 12} more` : ""}`;
  });
  const asked = conditions.map(({ name, wanted }) =>
    visible(`${name}${wanted.not ? "!=" : "="}${shownValues(wanted)}`),
  );
  throw new ConfigError(`${file}: no row with ${asked.join(",")}; ${some.join("; ")}`);
}

const textOf = (value: number | string | Range): string =>
  typeof value === "object" ? `${value.from}..${value.to}` : String(value);

/** Values as `parseWhere` reads them: a text that means something else without quotes is in quotes. */
const shownValues = ({ values }: Wanted): string =>
  values
    .map((one) =>
      typeof one === "string" && !/^[^\s",=!;]([^",=!;]*[^\s",=!;])?$/.test(one) ? JSON.stringify(one) : textOf(one),
    )
    .join(",");

/** Whether a value of a column is one of those named. @throws {ConfigError} where a text is asked of a column of numbers. */
function testOf(column: Column, { values }: Wanted, name: string, file: string): (value: number | string) => boolean {
  if (typeof column[0] === "string") {
    const texts = new Set(values.map(textOf));
    return (value) => texts.has(value as string);
  }
  const ranges = values.map((one) => {
    if (typeof one === "object") return one;
    if (typeof one === "string" && !isNumber.test(one))
      throw new ConfigError(`${file}: column ${quote(name)} holds numbers, --where asks for ${quote(one)}`);
    return { from: Number(one), to: Number(one) };
  });
  return (value) => ranges.some(({ from, to }) => (value as number) >= from && (value as number) <= to);
}

/** The part of a set whose rows fit; `others` are columns beside those of the set. @throws {ConfigError} as `matchingRows`. */
export function rowsWhere(
  set: ActivationSet,
  where: Where,
  others: Readonly<Record<string, Column>> = {},
): ActivationSet {
  if (Object.keys(where).length === 0) return set;
  return rowsOf(set, matchingRows({ ...others, ...set.columns }, where, set.activations.dims[0]!, set.source));
}

/** Some rows of a set, ascending. */
export function rowsOf(set: ActivationSet, rows: Uint32Array): ActivationSet {
  const columns = Object.entries(set.columns).map(
    ([name, column]) => [name, Float64Array.from(rows, (row) => column[row]!)] as const,
  );
  const truth = truthOfRows(set.truth, rows);
  return {
    ...{ ...set, activations: takeRows(set.activations, rows), columns: Object.fromEntries(columns), wanted: rows },
    rowsInFile: set.activations.dims[0]!,
    ...(truth ? { truth } : {}),
  };
}
