import { z } from "zod";
import { ConfigError } from "../util/errors.ts";
import { beyond } from "../util/json.ts";
import { checkNotMistaken } from "../util/mistaken.ts";

const tokenizer = z.object({
  model: z.object({
    vocab: z.union([z.record(z.string(), z.int().nonnegative()), z.array(z.tuple([z.string(), z.number()]))]),
  }),
  added_tokens: z.array(z.object({ id: z.int().nonnegative(), content: z.string() })).default([]),
});

const list = z.array(z.string());

/** Ids above this are a damaged file. */
const mostTokens = 2 ** 22;

/**
 * How tokens are written, by their ids: of a Hugging Face tokenizer.json (BPE, WordPiece, Unigram), a JSON list of tokens, or a text
 * file with a token a line. Byte-level tokens and `▁` become the text they stand for.
 * @throws {ConfigError} when it is none of these.
 */
export function parseVocabulary(text: string, file: string): readonly (string | undefined)[] {
  checkNotMistaken(text, file);
  if (!/\.json$/i.test(file)) return text.replace(/\r?\n$/, "").split(/\r?\n/);
  const parsed = parsedJson(text, file);
  const plain = list.safeParse(parsed);
  if (plain.success) return plain.data;
  const { success, data } = tokenizer.safeParse(parsed);
  if (!success)
    throw new ConfigError(
      `${file}: neither a tokenizer.json (model.vocab) nor a list of tokens; give one of these, or a text file with a token a line`,
    );
  const { vocab } = data.model;
  const entries = Array.isArray(vocab) ? vocab.map(([token], id) => [token, id] as const) : Object.entries(vocab);
  const ids = [...entries.map(([, id]) => id), ...data.added_tokens.map(({ id }) => id)];
  const last = ids.reduce((most, id) => Math.max(most, id), -1);
  if (last >= mostTokens) throw new ConfigError(`${file}: a token has the id ${last}, at most ${mostTokens} are read`);
  const tokens = new Array<string | undefined>(last + 1).fill(undefined);
  // Byte-level vocabularies write a blank as Ġ; others write it as ▁, or not at all.
  const isBytes = entries.some(([token]) => token.startsWith("Ġ"));
  for (const [token, id] of entries) tokens[id] = isBytes ? fromBytes(token) : token.replaceAll("▁", " ");
  for (const { id, content } of data.added_tokens) tokens[id] = content;
  return tokens;
}

function parsedJson(text: string, file: string): unknown {
  const excess = beyond(text, { depth: 64, values: 2 ** 24 });
  if (excess !== undefined) throw new ConfigError(`${file}: ${excess}; is it a tokenizer.json?`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${file}: not valid JSON (${(cause as Error).message}); is it complete?`, { cause });
  }
}

/**
 * The byte that each letter of a byte-level vocabulary stands for: printable ones for themselves, the others from 256 on.
 * Source: Radford et al. 2019, GPT-2's bytes_to_unicode.
 */
const byteOf: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 256;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(printable(byte) ? byte : next++), byte]),
  );
})();

/** The text of a byte-level token; half a letter is �. */
function fromBytes(token: string): string {
  const bytes = [...token].map((letter) => byteOf.get(letter));
  if (bytes.includes(undefined)) return token;
  return new TextDecoder().decode(Uint8Array.from(bytes as number[]));
}
