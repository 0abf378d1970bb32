/** Numbers below this one are no pieces of text: unknown, start, end, and three that mean nothing. */
const reserved = 6;

/** Most tokens of a text that the published model reads. @huggingface/tokenizers does not cut by itself, the Python package does. */
export const longest = 128;

/**
 * The vocabulary as a tokenizer.json: a SentencePiece unigram model over NFKC text, with the mark ▁ for each space and one in front.
 * Number 0 is what is unknown; no token is added at the ends.
 *
 * Seven pieces with a colon are published without a probability (null), which the published tokenizer counts as 0.
 * The other reserved pieces get names in full-width brackets, which NFKC takes out of every text: so no text can hold one.
 */
export function tokenizerOf(vocabulary) {
  const pieces = vocabulary.map(([piece, score], id) =>
    id > 0 && id < reserved ? [`＜${id}＞`, 0] : [piece, score ?? 0],
  );
  return {
    version: "1.0",
    truncation: { direction: "Right", max_length: longest, strategy: "LongestFirst", stride: 0 },
    padding: null,
    added_tokens: [],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFKC" },
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: false },
    model: { type: "Unigram", unk_id: 0, vocab: pieces, byte_fallback: false },
  };
}
