import type { Label } from "../data/labels.ts";
import type { LatentRows } from "./byLatent.ts";
import type { RowFacts } from "./facts.ts";

/** A row as people read it. */
export interface Example {
  readonly row: number;
  /** The latent's activation there. */
  readonly value: number;
  readonly split: "train" | "validation";
  /** Tokens around the row's own, where they are known. */
  readonly tokens?: readonly string[];
  /** The latent's activation at each token, `null` where no row of the set is that token. */
  readonly activations?: readonly (number | null)[];
  /** Which token is the row's own, and whether others were cut off before and behind. */
  readonly at?: number;
  readonly cut?: readonly [before: boolean, behind: boolean];
  /** The row's text, where its tokens are not known; else whatever else its label says. */
  readonly text?: string;
}

/** Tokens shown before a row's own and behind it. */
export interface Window {
  readonly before: number;
  readonly behind: number;
}

/** Characters of a text or a token that are shown, at most. */
const longest = { text: 600, token: 40 };

/** Rows by latents whose labels are asked for at once. */
export interface Wanted {
  readonly of: LatentRows;
  /** Numbers of rows among the latent's own. */
  readonly shown: readonly number[];
}

/** The rows whose labels examples of some rows need, each once, ascending. */
export function rowsToRead(wanted: readonly Wanted[], facts: RowFacts): Uint32Array {
  const { texts, hasTokens } = facts;
  if (!facts.labels || (texts && !hasTokens && facts.attributes[0]?.name === "token")) return new Uint32Array();
  const rows = new Set<number>();
  for (const { of, shown } of wanted)
    for (const i of shown) {
      const row = of.rows[i]!;
      rows.add(row);
      const text = texts?.of[row] ?? -1;
      // The tokens of a text may stand in the label of its first row alone.
      if (hasTokens && text >= 0) rows.add(texts!.order[texts!.starts[text]!]!);
    }
  return Uint32Array.from(rows).sort();
}

/** Makes examples of rows of one latent after the other. */
export class ExampleMaker {
  readonly #facts: RowFacts;
  readonly #window: Window;
  /** The latent's activation in each row, 0 where it is silent; one latent at a time. */
  readonly #dense: Float32Array;

  constructor(facts: RowFacts, window: Window) {
    this.#facts = facts;
    this.#window = window;
    this.#dense = new Float32Array(facts.texts ? facts.rows : 0);
  }

  /** Examples of some lists of a latent's rows; `labels` are those of `rowsToRead`. */
  examples(
    of: LatentRows,
    lists: readonly (readonly number[])[],
    labels: ReadonlyMap<number, Label | null>,
  ): Example[][] {
    const { rows, values } = of;
    if (this.#dense.length > 0) for (let i = 0; i < rows.length; i++) this.#dense[rows[i]!] = values[i]!;
    const made = lists.map((list) =>
      list.map((i): Example => {
        const row = rows[i]!;
        const split = this.#facts.validation[row] ? "validation" : "train";
        return { row, value: values[i]!, split, ...this.#words(row, values[i]!, labels) };
      }),
    );
    if (this.#dense.length > 0) for (const row of rows) this.#dense[row] = 0;
    return made;
  }

  #words(row: number, value: number, labels: ReadonlyMap<number, Label | null>): Partial<Example> {
    const { texts } = this.#facts;
    const label = labels.get(row);
    const text = texts?.of[row] ?? -1;
    if (text >= 0) {
      const own = texts!.order.subarray(texts!.starts[text]!, texts!.starts[text + 1]!);
      const tokens = tokensOf(label) ?? tokensOf(labels.get(own[0]!)) ?? this.#tokensFromRows(own);
      if (tokens) {
        const rowAt = new Map(Array.from(own, (one) => [this.#placeOf(one, own, tokens), one]));
        return this.#cut(tokens, this.#placeOf(row, own, tokens), (at) => {
          const one = rowAt.get(at);
          return one === undefined ? null : this.#dense[one]!;
        });
      }
    }
    const tokens = tokensOf(label);
    const position = label?.position;
    if (tokens && typeof position === "number" && position in tokens)
      return this.#cut(tokens, position, (at) => (at === position ? value : null));
    if (typeof label?.text === "string") return { text: label.text.slice(0, longest.text) };
    if (tokens) return { text: tokens.join("").slice(0, longest.text) };
    return label ? { text: JSON.stringify(label).slice(0, longest.text) } : {};
  }

  /** A row's place among the tokens: its position where that is one, else its place among the rows of its text. */
  #placeOf(row: number, own: Uint32Array, tokens: readonly string[]): number {
    const position = this.#facts.texts!.position[row]!;
    return tokens.length > own.length && position >= 0 ? position : own.indexOf(row);
  }

  /** The tokens of a text, as its rows have them; `undefined` where none has one. */
  #tokensFromRows(own: Uint32Array): string[] | undefined {
    const token = this.#facts.attributes[0];
    if (token?.name !== "token") return undefined;
    return Array.from(own, (row) => token.values[token.codes[row]!] ?? "…");
  }

  #cut(tokens: readonly string[], place: number, activation: (at: number) => number | null): Partial<Example> {
    const from = Math.max(0, place - this.#window.before);
    const to = Math.min(tokens.length, place + this.#window.behind + 1);
    const shown = tokens.slice(from, to).map((token) => token.slice(0, longest.token));
    return {
      tokens: shown,
      activations: shown.map((_, i) => activation(from + i)),
      at: place - from,
      cut: [from > 0, to < tokens.length],
    };
  }
}

const tokensOf = (label: Label | null | undefined): string[] | undefined =>
  Array.isArray(label?.tokens) && label.tokens.length > 0 ? label.tokens.map(String) : undefined;
