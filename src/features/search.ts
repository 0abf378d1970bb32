import type { Label } from "../data/labels.ts";
import { ConfigError } from "../util/errors.ts";
import { type RowFacts, rowsOfTokens } from "./facts.ts";

/**
 * A latent that was found. Of the tokens it fires at, `hits` are in the words; where it fires at none of them, or rows are no tokens: of the
 * texts it fires in, `hits` have the words.
 */
export interface Found {
  readonly latent: number;
  readonly hits: number;
  readonly fires: number;
  readonly of: "tokens" | "texts";
}

/** A text that can be searched. */
interface Searched {
  readonly words: readonly string[];
  /** Its tokens with the row of each, -1 for none; nothing where rows are not tokens. */
  readonly tokens: readonly string[] | undefined;
  readonly rows: Int32Array;
}

/**
 * The words of texts. A row without a text of several rows is a text by itself.
 * A word is found at the beginning of words too, in either case: `dog` finds `Dogs`, not `hotdog`; `185` finds `1850`.
 */
export class TextIndex {
  readonly #texts: readonly Searched[];
  /** The text of each row. */
  readonly #of: Int32Array;

  private constructor(texts: readonly Searched[], of: Int32Array) {
    [this.#texts, this.#of] = [texts, of];
  }

  /** @throws {ConfigError} when nothing is known of the rows that could be searched. */
  static async open({ texts, labels, rows }: RowFacts): Promise<TextIndex> {
    if (!labels)
      throw new ConfigError(
        "these activations have no texts to search; give their .labels.jsonl with them, or search by number",
      );
    const of = new Int32Array(rows);
    const firsts: number[] = [];
    const known = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      const text = texts?.of[row] ?? -1;
      const first = text >= 0 ? texts!.order[texts!.starts[text]!]! : row;
      let number = known.get(first);
      if (number === undefined) {
        number = firsts.push(first) - 1;
        known.set(first, number);
      }
      of[row] = number;
    }
    const found = await labels(firsts);
    const searched = firsts.map((first, number): Searched => {
      const label = found[number] ?? null;
      const words = wordsOf(textOf(label));
      const text = texts?.of[first] ?? -1;
      const tokens = text >= 0 && Array.isArray(label?.tokens) ? label.tokens.map(String) : undefined;
      return { words, tokens, rows: tokens ? rowsOfTokens(texts!, text, tokens.length) : none };
    });
    return new TextIndex(searched, of);
  }

  /**
   * The latents that fire in texts with all of the words: first those that fire at the words themselves, then those that fire elsewhere in
   * such texts. Of each the first is the one whose firing says most of them: by the lower end of the interval for the share of its tokens, or
   * its texts, that have them, so that 9 of 9 come before 1 of 1. Source: Wilson 1927, at 95 %.
   */
  search(words: string, latentDim: number, rowsOf: (latent: number) => ArrayLike<number>): readonly Found[] {
    const wanted = wordsOf(words);
    if (wanted.length === 0) return [];
    const has = this.#texts.map((text) => wanted.every((word) => text.words.some((one) => one.startsWith(word))));
    if (!has.includes(true)) return [];
    const isAt = this.#rowsAt(wanted, has);
    const found: Found[] = [];
    for (let latent = 0; latent < latentDim; latent++) {
      const rows = rowsOf(latent);
      const seen = new Set<number>();
      let [hits, inside] = [0, 0];
      for (let i = 0; i < rows.length; i++) {
        inside += isAt[rows[i]!]!;
        const text = this.#of[rows[i]!]!;
        if (seen.has(text)) continue;
        seen.add(text);
        if (has[text]) hits++;
      }
      if (inside > 0) found.push({ latent, hits: inside, fires: rows.length, of: "tokens" });
      else if (hits > 0) found.push({ latent, hits, fires: seen.size, of: "texts" });
    }
    const isText = ({ of }: Found) => Number(of === "texts");
    return found.sort(
      (a, b) => isText(a) - isText(b) || leastShare(b) - leastShare(a) || b.hits - a.hits || a.latent - b.latent,
    );
  }

  /** 1 for each row that is a token of one of the words, in texts that have them all. */
  #rowsAt(wanted: readonly string[], has: readonly boolean[]): Uint8Array {
    const isAt = new Uint8Array(this.#of.length);
    for (const [number, { tokens, rows }] of this.#texts.entries()) {
      if (!has[number] || !tokens) continue;
      const text = tokens.join("");
      const spans = [...text.matchAll(word)]
        .filter(([one]) => wanted.some((start) => one.toLowerCase().startsWith(start)))
        .map(({ index, 0: one }) => [index, index + one.length] as const);
      let from = 0;
      for (const [token, { length }] of tokens.entries()) {
        const to = from + length;
        if (rows[token]! >= 0 && spans.some(([start, end]) => start < to && from < end)) isAt[rows[token]!] = 1;
        from = to;
      }
    }
    return isAt;
  }
}

const none = new Int32Array();

/** The lower end of Wilson's interval for hits among fires. */
export function leastShare({ hits, fires }: Pick<Found, "hits" | "fires">): number {
  const z = 1.96;
  const share = hits / fires;
  const middle = share + (z * z) / (2 * fires);
  const spread = z * Math.sqrt((share * (1 - share)) / fires + (z * z) / (4 * fires * fires));
  return (middle - spread) / (1 + (z * z) / fires);
}

const word = /[\p{L}\p{N}]+/gu;
const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(word) ?? [];

function textOf(label: Label | null): string {
  if (typeof label?.text === "string") return label.text;
  return Array.isArray(label?.tokens) ? label.tokens.join("") : "";
}
