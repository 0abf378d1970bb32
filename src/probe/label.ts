import { closest } from "fastest-levenshtein";
import { quote } from "../data/quote.ts";
import { type Column, matchingRows, parseWhere } from "../data/where.ts";
import { ConfigError } from "../util/errors.ts";
import { visible } from "../util/visible.ts";

/** Values by the names of their columns. */
export type Columns = Readonly<Record<string, Column>>;

/** More different values than this are no classes. */
const mostClasses = 20;

/** What probes are to find: which class each row is of, or which number belongs to it. */
export type Target =
  | { readonly kind: "classes"; readonly classes: readonly string[]; readonly of: Int32Array }
  | { readonly kind: "number"; readonly values: Float64Array };

/** The column that a label or a group is taken from: `tense`, of `tense=past` or `text~of` too. */
export const columnIn = (label: string): string => /^[^=!~]+/.exec(label)?.[0] ?? label;

/**
 * The column called `name`. @throws {ConfigError} when there is none, with those whose names come nearest.
 */
export function columnOf(columns: Columns, name: string, { flag, file }: { flag: string; file: string }): Column {
  if (Object.hasOwn(columns, name)) return columns[name]!;
  const rest = Object.keys(columns);
  const nearest: string[] = [];
  while (nearest.length < 3 && rest.length > 0) nearest.push(...rest.splice(rest.indexOf(closest(name, rest)), 1));
  const there = nearest.map(visible).join(", ");
  throw new ConfigError(
    `${flag}: ${file} has no column ${quote(name)}${there ? `; nearest: ${there}` : ", and no other; save one value a row beside the activations, or NAME.labels.jsonl"}`,
  );
}

/**
 * The column that a label means: the values of a column; of `tense=past,future` whether it has one of them (as `--where` reads it); of
 * `text~word` whether the word is in the text, in letters of any case.
 * @throws {ConfigError} when the column is not there, a row has no value to ask of, or the question cannot be read.
 */
export function labelColumn(columns: Columns, label: string, file: string, rows: number): Column {
  const where = { flag: "--label", file };
  const named = Object.hasOwn(columns, label);
  const [, name, word] = /^([^=~]+)~(.+)$/.exec(label) ?? [];
  if (named || (word === undefined && !label.includes("="))) return columnOf(columns, label, where);
  const whole = (of: string): Column => {
    const column = columnOf(columns, of, where);
    checkThere(Array.from<number | string>(column), `--label ${visible(label)}: ${file}`);
    return column;
  };
  if (word !== undefined) {
    const column = whole(name!);
    const wanted = spaced(word);
    if (wanted === "  ") throw new ConfigError(`--label: ${quote(word)} has no letter; write a word, such as text~of`);
    return Uint8Array.from({ length: rows }, (_, row) => Number(spaced(String(column[row])).includes(wanted)));
  }
  const conditions = parseWhere(label);
  for (const of of Object.keys(conditions)) whole(of);
  const fits = new Uint8Array(rows);
  for (const row of matchingRows(columns, conditions, rows, file)) fits[row] = 1;
  return fits;
}

/** The words of a text, in small letters, each between blanks. */
const spaced = (text: string): string => ` ${(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(" ")} `;

/**
 * Values as what probes find: whole numbers and texts of up to 20 different values are classes, ascending; other numbers are numbers.
 * @throws {ConfigError} when a row has no value, all have the same, or there are more texts.
 */
export function targetOf(column: Column, label: string, file: string): Target {
  const what = `--label ${visible(label)}: ${file}`;
  const values = Array.from<number | string>(column);
  checkThere(values, what);
  const different = [...new Set(values)];
  if (different.length === 1)
    throw new ConfigError(
      `${what}: all ${values.length} rows have ${shown(different[0]!)}; a probe needs at least two values`,
    );
  const numbers = values.every((one) => typeof one === "number");
  if (different.length > mostClasses || (numbers && !different.every(Number.isInteger))) {
    if (numbers) return { kind: "number", values: Float64Array.from(values as number[]) };
    throw new ConfigError(
      `${what}: ${different.length} different texts, at most ${mostClasses} are classes; ask whether it is one of them: --label ${visible(label)}=${visible(String(different[0])).slice(0, 40)}`,
    );
  }
  const classes = numbers ? (different as number[]).sort((a, b) => a - b) : (different as string[]).sort();
  const place = new Map<number | string, number>(classes.map((value, i) => [value, i]));
  return { kind: "classes", classes: classes.map(String), of: Int32Array.from(values, (one) => place.get(one)!) };
}

/**
 * Which group each row is in, numbered from 0.
 * @throws {ConfigError} when a row has none.
 */
export function groupsOf(column: Column, flag: string, file: string): Int32Array {
  const values = Array.from<number | string>(column);
  checkThere(values, `${flag}: ${file}`);
  const numbers = new Map<number | string, number>();
  return Int32Array.from(values, (value) => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value)!;
  });
}

/** @throws {ConfigError} when a row has no value: NaN, or an empty text, as labels that lack it have. */
function checkThere(values: readonly (number | string)[], what: string): void {
  const isMissing = (one: number | string) => (typeof one === "number" ? !Number.isFinite(one) : one === "");
  const missing = values.filter(isMissing).length;
  if (missing === 0) return;
  throw new ConfigError(
    `${what}: ${missing} of ${values.length} rows have no value, the first is row ${values.findIndex(isMissing)}; fill them in, or leave these rows out with --where`,
  );
}

const shown = (value: number | string): string => (typeof value === "string" ? quote(value) : String(value));
