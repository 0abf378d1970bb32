import type { Label } from "../data/labels.ts";
import type { Activation } from "./explore.ts";

/** A latent that was found, and how much of it is about what was sought. */
export interface Found {
  readonly latent: number;
  /** Of the |activation| in the latent's strongest rows, the share in rows whose texts have the words, in (0, 1]. */
  readonly share: number;
}

/**
 * Latents whose strongest rows have texts with all of some words: the largest share of them first, then by number.
 * A word is found at the beginning of words too, in either case: `dog` finds `Dogs`, not `hotdog`.
 *
 * @param strongest per latent, its strongest rows
 * @param labels per row; its text is `text`, or `tokens` put together
 */
export function latentsByWords(
  strongest: readonly (readonly Activation[])[],
  labels: readonly (Label | null)[],
  words: string,
): readonly Found[] {
  const wanted = wordsOf(words);
  if (wanted.length === 0) return [];
  const has = labels.map((label) => {
    const there = wordsOf(textOf(label));
    return wanted.every((word) => there.some((one) => one.startsWith(word)));
  });
  const size = (rows: readonly Activation[]) => rows.reduce((sum, { value }) => sum + Math.abs(value), 0);
  return strongest
    .map((rows, latent) => ({ latent, share: size(rows.filter(({ index }) => has[index])) / size(rows) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || a.latent - b.latent);
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function textOf(label: Label | null): string {
  if (typeof label?.text === "string") return label.text;
  return Array.isArray(label?.tokens) ? label.tokens.join("") : "";
}
