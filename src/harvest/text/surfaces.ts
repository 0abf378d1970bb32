/** @file What the tokens of a vocabulary stand for, in bytes of UTF-8. */

/** How the tokens of a tokenizer.json are written. */
export type Writing = "bytes" | "pieces" | "words";

/**
 * `bytes`: each byte is a printable letter (GPT-2). `words`: what goes on within a word begins with `##` (BERT). `pieces`: a space is `▁`,
 * and a byte may be a token of its own, `<0x0A>` (SentencePiece).
 */
export function writingOf(tokenizer: { readonly model?: { readonly type?: string } | null }): Writing {
  if (tokenizer.model?.type === "WordPiece") return "words";
  return JSON.stringify({ ...tokenizer, model: null, added_tokens: null }).includes('"ByteLevel"') ? "bytes" : "pieces";
}

/** The bytes that each letter of a `bytes` vocabulary stands for. Source: GPT-2, encoder.py, bytes_to_unicode. */
const byteOfLetter: ReadonlyMap<string, number> = new Map(
  (() => {
    const isPlain = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    let others = 0;
    return Array.from({ length: 256 }, (_, byte) => [
      String.fromCodePoint(isPlain(byte) ? byte : 256 + others++),
      byte,
    ]);
  })(),
);

const utf8 = new TextEncoder();

/** The bytes a token stands for. */
export function surfaceOf(token: string, writing: Writing): Uint8Array {
  if (writing === "words") return utf8.encode(token.startsWith("##") ? token.slice(2) : ` ${token}`);
  if (writing === "bytes") {
    const bytes = Array.from(token, (letter) => byteOfLetter.get(letter));
    // A token that was added to the vocabulary is written as it is.
    return bytes.includes(undefined) ? utf8.encode(token) : Uint8Array.from(bytes as number[]);
  }
  const [, byte] = /^<0x([0-9A-F]{2})>$/.exec(token) ?? [];
  return byte === undefined ? utf8.encode(token.replaceAll("▁", " ")) : Uint8Array.of(Number.parseInt(byte, 16));
}
