// The search of the explorer's list. The text of these functions goes into its page, so they use nothing from outside.

/**
 * The latents that are found, best first; those that are found alike stay in their order. A number finds itself and those that begin with
 * it. Else words are looked for in `lines`, what the list shows of each latent, then in `texts`.
 */
export function findLatents(
  among: readonly number[],
  sought: string,
  lines: readonly string[],
  texts: readonly string[],
): number[] {
  if (/^\d+$/.test(sought)) {
    const beginning = among.filter((latent) => String(latent).startsWith(sought));
    const own = Number(sought);
    if (beginning.length > 0) return beginning.sort((a, b) => Number(b === own) - Number(a === own));
  }
  const listed = among.filter((latent) => lines[latent]!.includes(sought));
  const others = among.filter((latent) => !lines[latent]!.includes(sought) && texts[latent]?.includes(sought));
  return [...listed, ...others];
}

/** Behind "N latents": in what they were found, or what to try where none was. */
export function sayFound(found: readonly number[], sought: string, latents: number): string {
  if (found.length === 0)
    return `: “${sought}” is in none of their tokens, labels and strongest texts. Try a part of a word, or a number from 0 to ${latents - 1}.`;
  return /^\d+$/.test(sought) && String(found[0]).startsWith(sought)
    ? ` whose number begins with ${sought}`
    : ` with “${sought}” in their tokens, labels or strongest texts`;
}
