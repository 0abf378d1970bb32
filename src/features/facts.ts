import type { Label } from "../data/labels.ts";

/** One thing that is known of rows: which of some values each has. */
export interface Attribute {
  readonly name: string;
  /** The value of each row by its number in `values`, -1 where it has none; `[rows]`. */
  readonly codes: Int32Array;
  readonly values: readonly string[];
  /** Rows that have each value. */
  readonly counts: Uint32Array;
  /** Rows that have any. */
  readonly known: number;
}

/** Which rows are the tokens of which text. */
export interface Texts {
  /** Text of each row by a number, -1 for none; `[rows]`. */
  readonly of: Int32Array;
  /** Rows ordered by text and place in it, and where each text's begin. */
  readonly order: Uint32Array;
  readonly starts: Uint32Array;
  /** Place of each row in its text, counted from 0; `[rows]`. */
  readonly position: Int32Array;
}

/** What is known of the rows of a set, beside their activations. */
export interface RowFacts {
  readonly rows: number;
  /** 1 for validation rows; `[rows]`. */
  readonly validation: Uint8Array;
  /** `token` first, where tokens are known. */
  readonly attributes: readonly Attribute[];
  /** What of the labels and columns is no attribute, and why. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  /** Where some text has several rows. */
  readonly texts: Texts | undefined;
  /** Whether labels have the `tokens` of their text. */
  readonly hasTokens: boolean;
  /** Labels of some rows, in their order; nothing where there are none. */
  readonly labels:
    | ((rows: ArrayLike<number>) => readonly (Label | null)[] | Promise<readonly (Label | null)[]>)
    | undefined;
}

/** Different values that a label or a column may have and still be looked at value by value; tokens may have any number. */
export const mostValues = 1000;

/** Not looked at: what names a row or is its text. */
const notAttributes = new Set(["text", "tokens", "token", "token_id", "text_id", "split"]);

/** Whether a column says where tokens begin and end in their texts, as `harvest` writes it beside their ids: that tells of no kind of row. */
const isPlace = (name: string, columns: FactSources["columns"]): boolean =>
  (name === "start" || name === "end") &&
  Object.hasOwn(columns, "token_id") &&
  Array.prototype.every.call(columns[name]!, Number.isInteger);

/** Where facts about rows come from. */
export interface FactSources {
  readonly validation: Uint8Array;
  /** Columns of the activation file, `[rows]` each. */
  readonly columns: Readonly<Record<string, ArrayLike<number>>>;
  /** How token ids are written; default `#17`. */
  readonly vocabulary?: readonly (string | undefined)[] | undefined;
  readonly labels?: RowFacts["labels"];
}

/** Gathers what is known of each row: columns at once, labels row after row, so that they need not be in memory together. */
export class FactsBuilder {
  readonly #sources: FactSources;
  readonly #rows: number;
  readonly #columns = new Map<string, Column>();
  readonly #token: Column;
  readonly #textId: Column;
  readonly #position: Int32Array;
  #hasTokens = false;

  constructor(sources: FactSources) {
    this.#sources = sources;
    this.#rows = sources.validation.length;
    [this.#token, this.#textId] = [new Column(this.#rows), new Column(this.#rows)];
    this.#position = new Int32Array(this.#rows).fill(-1);
    for (const [name, values] of Object.entries(sources.columns)) {
      if (isPlace(name, sources.columns)) continue;
      for (let row = 0; row < this.#rows; row++) this.#add(row, name, values[row]);
    }
  }

  /** Adds what the label of a row says; a column of the same name comes first. */
  addLabel(row: number, label: Label): void {
    const { columns } = this.#sources;
    for (const [name, value] of Object.entries(label)) if (!Object.hasOwn(columns, name)) this.#add(row, name, value);
    if (Array.isArray(label.tokens)) this.#hasTokens = true;
    const token = label.token ?? (Array.isArray(label.tokens) ? label.tokens[this.#position[row]!] : undefined);
    if (typeof token === "string") this.#token.set(row, token);
  }

  finish(): RowFacts {
    const texts = textsOf(this.#textId, this.#position);
    const token = this.#token.attribute("token");
    const all = [...this.#columns].map(([name, column]) => ({ name, column }));
    const isConstant = ({ column }: { column: Column }) => column.distinct < 2;
    const [many, few] = [all.filter(({ column }) => column.full), all.filter(({ column }) => !column.full)];
    return {
      rows: this.#rows,
      validation: this.#sources.validation,
      attributes: [
        ...(token.values.length > 0 ? [token] : []),
        ...few.filter((one) => !isConstant(one)).map(({ name, column }) => column.attribute(name)),
      ],
      leftOut: [
        ...many.map(({ name }) => ({ name, why: `it has more than ${mostValues} different values` })),
        ...few.filter(isConstant).map(({ name }) => ({ name, why: "it has one value in all rows" })),
      ],
      texts,
      hasTokens: this.#hasTokens,
      labels: this.#sources.labels,
    };
  }

  #add(row: number, name: string, value: unknown): void {
    if (name === "position" && Number.isInteger(value)) this.#position[row] = value as number;
    if (name === "text_id" && isPlain(value)) this.#textId.set(row, value);
    if (name === "token_id" && Number.isInteger(value))
      this.#token.set(row, this.#sources.vocabulary?.[value as number] ?? `#${value}`);
    if (notAttributes.has(name) || !isPlain(value)) return;
    let column = this.#columns.get(name);
    if (!column) {
      column = new Column(this.#rows, mostValues);
      this.#columns.set(name, column);
    }
    column.set(row, value);
  }
}

const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));

/** The values of rows, each kept once. One that gets too many gives up. */
class Column {
  #codes: Int32Array | undefined;
  readonly #rows: number;
  readonly #most: number;
  readonly #numbers = new Map<string | number | boolean, number>();
  full = false;

  constructor(rows: number, most = Number.POSITIVE_INFINITY) {
    this.#rows = rows;
    this.#most = most;
  }

  get distinct(): number {
    return this.#numbers.size;
  }

  get codes(): Int32Array {
    this.#codes ??= new Int32Array(this.#rows).fill(-1);
    return this.#codes;
  }

  set(row: number, value: string | number | boolean): void {
    if (this.full) return;
    let code = this.#numbers.get(value);
    if (code === undefined) {
      code = this.#numbers.size;
      this.full = code === this.#most;
      if (this.full) {
        this.#numbers.clear();
        this.#codes = undefined;
        return;
      }
      this.#numbers.set(value, code);
    }
    this.codes[row] = code;
  }

  /** Its values as text, those that rows still have. */
  attribute(name: string): Attribute {
    const all = [...this.#numbers.keys()];
    const counts = new Uint32Array(all.length);
    let known = 0;
    for (const code of this.#codes ?? [])
      if (code >= 0) {
        counts[code]! += 1;
        known++;
      }
    return { name, codes: this.codes, values: all.map(String), counts, known };
  }
}

/** The rows of each text in their order; `undefined` where no text has two rows with different places. */
function textsOf(ids: Column, position: Int32Array): Texts | undefined {
  const count = ids.distinct;
  if (count === 0) return undefined;
  const of = ids.codes;
  const starts = new Uint32Array(count + 1);
  for (const text of of) if (text >= 0) starts[text + 1]! += 1;
  for (let text = 0; text < count; text++) starts[text + 1]! += starts[text]!;
  if (starts[count] === count) return undefined;
  const next = starts.slice();
  const order = new Uint32Array(starts[count]!);
  for (const [row, text] of of.entries()) if (text >= 0) order[next[text]!++] = row;
  for (let text = 0; text < count; text++) {
    const rows = order.subarray(starts[text]!, starts[text + 1]!);
    if (rows.some((row, i) => i > 0 && position[row]! < position[rows[i - 1]!]!))
      rows.sort((a, b) => position[a]! - position[b]! || a - b);
  }
  return { of, order, starts, position };
}

/** The row of each token of a text, -1 for one that is no row. Rows without places are the first tokens, in their order. */
export function rowsOfTokens({ order, starts, position }: Texts, text: number, tokens: number): Int32Array {
  const own = order.subarray(starts[text]!, starts[text + 1]!);
  const rows = new Int32Array(tokens).fill(-1);
  for (const [i, row] of own.entries()) {
    const at = tokens > own.length && position[row]! >= 0 ? position[row]! : i;
    if (at < tokens) rows[at] = row;
  }
  return rows;
}
