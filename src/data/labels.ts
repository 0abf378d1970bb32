import { ConfigError } from "../util/errors.ts";
import { beyond } from "../util/json.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { quote } from "./quote.ts";

/** What is known about one row: its text, token position, token id, or anything else. */
export type Label = Readonly<Record<string, unknown>>;

/** Keys of other tools, and what they are called here. */
const renamed: Readonly<Record<string, string>> = { pos: "position", id: "token_id" };

/** Longest line accepted, in characters, and what it may hold. */
const maxLine = 1 << 20;
const bounds = { depth: 64, values: 1 << 16 };

/** Where the labels of an activation file are, by its path or address: `NAME.labels.jsonl` for `NAME.npy`. */
export const labelsPath = (path: string): string => `${path.replace(/\.(npy|npz|safetensors)$/i, "")}.labels.jsonl`;

/**
 * The labels of a `NAME.labels.jsonl` file: one JSON object a line, one line a row.
 *
 * Any keys are kept; `pos` and `id` become `position` and `token_id`. A byte order mark, CRLF and blank lines at the end are fine.
 * @throws {ConfigError} when a line is longer than 1,048,576 characters or not a JSON object; and, before any line is read, when
 * there are not `rows` of them, where that is given.
 */
export function parseLabels(text: string, file: string, rows?: number): readonly Label[] {
  checkNotMistaken(text, file);
  const labels: Label[] = [];
  const source = text.replace(/^\uFEFF/, "").trimEnd();
  if (rows !== undefined) checkCount(countLines(source), rows, file);
  for (let at = 0, line = 1; at < source.length; line++) {
    const newline = source.indexOf("\n", at);
    const end = newline < 0 ? source.length : newline;
    labels.push(parseLabel(source.slice(at, end), `${file}: line ${line}`));
    at = end + 1;
  }
  return labels;
}

/** Labels by name, one value a row: numbers where all are, else texts; of what is no text its JSON, of what is missing or null an empty text. */
export function labelColumns(
  labels: readonly Label[],
): Readonly<Record<string, readonly number[] | readonly string[]>> {
  const names = new Set(labels.flatMap(Object.keys));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = labels.map((label) => (Object.hasOwn(label, name) ? (label[name] ?? "") : ""));
      const isNumbers = values.every((one) => typeof one === "number");
      return [name, isNumbers ? values : values.map((one) => (typeof one === "string" ? one : JSON.stringify(one)))];
    }),
  );
}

/**
 * The labels, when there is one for each row.
 * @throws {ConfigError} when the counts differ.
 */
export function checkLabels(labels: readonly Label[], rows: number, file: string): readonly Label[] {
  checkCount(labels.length, rows, file);
  return labels;
}

/** @throws {ConfigError} when there is not one label for each row. */
export function checkCount(count: number, rows: number, file: string): void {
  if (count !== rows)
    throw new ConfigError(`${file}: ${count} labels for ${rows} rows of activations; write one line a row`);
}

function countLines(text: string): number {
  let count = text === "" ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** The label in one line of a labels file. @throws {ConfigError} as `parseLabels`, saying where. */
export function parseLabel(line: string, where: string): Label {
  if (line.length > maxLine)
    throw new ConfigError(`${where} has ${line.length} characters, at most ${maxLine} are read; shorten it`);
  const excess = beyond(line, bounds);
  if (excess) throw new ConfigError(`${where} ${excess}; keep to one plain object a line`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ConfigError(`${where} is not JSON: ${quote(line)}; write one object a line`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ConfigError(`${where} is ${quote(line)}; write one JSON object a line`);
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, one]) => {
      const name = Object.hasOwn(renamed, key) ? renamed[key]! : key;
      return [Object.hasOwn(value, name) ? key : name, one];
    }),
  );
}
