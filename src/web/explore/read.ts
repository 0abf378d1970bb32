/** @file What somebody wrote to be read: a sentence, or the numbers of a row. */
import type { Opened } from "./explore.ts";
import type { textView } from "./text.ts";

type Codes = Parameters<typeof textView>[1];

/** Reads a sentence by the language model that is open. */
export type ReadSentence = (text: string, one: Opened) => Promise<Codes>;

let sentence: ReadSentence;
export const readSentencesBy = (reading: ReadSentence): void => {
  sentence = reading;
};

/** Numbers of a row, separated by commas or spaces; nothing where it is something else. */
function numbersIn(text: string): Float32Array | undefined {
  const parts = text.split(/[\s,;[\]]+/).filter(Boolean);
  const numbers = parts.map(Number);
  return parts.length > 1 && numbers.every(Number.isFinite) ? Float32Array.from(numbers) : undefined;
}

/** What the panel calls it. */
export const titleOf = (text: string): string => (numbersIn(text) ? "The row given" : "Your sentence");

/** What was read by each SAE that was open: Back comes back to it at once. */
const before = new WeakMap<Opened, Map<string, Codes>>();

/** The latents of a text that is no row of the data. */
export async function codesOf(text: string, one: Opened): Promise<Codes> {
  const own = before.get(one) ?? new Map<string, Codes>();
  before.set(one, own);
  const numbers = numbersIn(text);
  const codes = own.get(text) ?? (await (numbers ? rowGiven(numbers, one) : sentence(text, one)));
  own.set(text, codes);
  return codes;
}

async function rowGiven(numbers: Float32Array, { worker, sae }: Opened): Promise<Codes> {
  const { active, error } = await worker.call("encodeRow", { explorer: sae.id, x: numbers });
  return { text: `${numbers.length} numbers`, at: 0, active: [active], rows: [null], error };
}
