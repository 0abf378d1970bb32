import type { Label } from "../data/labels.ts";
import { ConfigError } from "../util/errors.ts";
import type { RowFacts } from "./facts.ts";

/** A latent that was found: of the `fires` texts it fires in, `hits` have the words. */
export interface Found {
  readonly latent: number;
  readonly hits: number;
  readonly fires: number;
}

/**
 * The words of texts. A row without a text of several rows is a text by itself.
 * A word is found at the beginning of words too, in either case: `dog` finds `Dogs`, not `hotdog`; `185` finds `1850`.
 */
export class TextIndex {
  readonly #words: readonly (readonly string[])[];
  /** The text of each row. */
  readonly #of: Int32Array;

  private constructor(words: readonly (readonly string[])[], of: Int32Array) {
    [this.#words, this.#of] = [words, of];
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
    const words = (await labels(firsts)).map((label) => wordsOf(textOf(label)));
    return new TextIndex(words, of);
  }

  /**
   * The latents that fire in texts with all of the words. First the one whose firing says most of them: by the lower end of the
   * interval for the share of its texts that have them, so that 9 of 9 come before 1 of 1. Source: Wilson 1927, at 95 %.
   */
  search(words: string, latentDim: number, rowsOf: (latent: number) => ArrayLike<number>): readonly Found[] {
    const wanted = wordsOf(words);
    if (wanted.length === 0) return [];
    const has = this.#words.map((own) => wanted.every((word) => own.some((one) => one.startsWith(word))));
    if (!has.includes(true)) return [];
    const found: Found[] = [];
    for (let latent = 0; latent < latentDim; latent++) {
      const rows = rowsOf(latent);
      const seen = new Set<number>();
      let hits = 0;
      for (let i = 0; i < rows.length; i++) {
        const text = this.#of[rows[i]!]!;
        if (seen.has(text)) continue;
        seen.add(text);
        if (has[text]) hits++;
      }
      if (hits > 0) found.push({ latent, hits, fires: seen.size });
    }
    return found.sort((a, b) => leastShare(b) - leastShare(a) || b.hits - a.hits || a.latent - b.latent);
  }
}

/** The lower end of Wilson's interval for hits among fires. */
export function leastShare({ hits, fires }: Pick<Found, "hits" | "fires">): number {
  const z = 1.96;
  const share = hits / fires;
  const middle = share + (z * z) / (2 * fires);
  const spread = z * Math.sqrt((share * (1 - share)) / fires + (z * z) / (4 * fires * fires));
  return (middle - spread) / (1 + (z * z) / fires);
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function textOf(label: Label | null): string {
  if (typeof label?.text === "string") return label.text;
  return Array.isArray(label?.tokens) ? label.tokens.join("") : "";
}
