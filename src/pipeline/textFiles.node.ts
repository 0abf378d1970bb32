/** @file A language model, its tokenizer and texts, by the names of files: what `harvest` and `effect` begin with. */
import { localModel } from "../harvest/hub.node.ts";
import { type LanguageModel, openLanguageModel } from "../harvest/model.node.ts";
import { openTokenizer, tokenizerOf } from "../harvest/text/tokenizer.node.ts";
import type { TextTokenizer } from "../harvest/text/tokenizer.ts";
import { checkCounts, checkSeed } from "../util/counts.ts";

/** Which texts a model is given. */
export interface TextFiles {
  /** A .onnx, or `hf:owner/name`. */
  readonly model: string;
  /** .txt, .jsonl or .npz. */
  readonly text: string;
  /** Key of the text in a .jsonl; default `text`. */
  readonly textKey?: string | undefined;
  /** A tokenizer.json; default: the one beside the model. */
  readonly tokenizer?: string | undefined;
  /** Tokens after so many of a text are cut off; default 1,024, or fewer where the tokenizer's files say that its model takes fewer. */
  readonly maxTokens?: number | undefined;
  /** Only the first so many texts; default: all. */
  readonly limit?: number | undefined;
  /** `skip` (the default): they are fed, and left out otherwise; `keep`: as others; `none`: the tokenizer adds none. */
  readonly specialTokens?: "skip" | "keep" | "none" | undefined;
  /** Of all that is drawn; default 0. */
  readonly seed?: number | undefined;
  /** Tokens of one run of the model. */
  readonly batchTokens?: number | undefined;
  readonly threads?: number | undefined;
  /** Told what is fetched from the Hub. */
  readonly onFetch?: ((line: string) => void) | undefined;
}

/** Tokens of a text that are read where nobody says how many. */
const mostTokens = 1024;

/** What the rooms below take of it. */
export async function openTextFiles({ tokenizer, specialTokens = "skip", ...given }: TextFiles) {
  const { text, textKey, limit, batchTokens, threads, seed = 0 } = given;
  checkCounts({ maxTokens: given.maxTokens, limit, batchTokens, threads });
  checkSeed(seed);
  const file = await localModel(given.model, given.onFetch);
  const model: LanguageModel = await openLanguageModel(file);
  const opened = await tokenizerFor(tokenizer, file, text);
  const { maxTokens = Math.min(mostTokens, opened?.longest ?? mostTokens) } = given;
  return {
    ...{ model, text, textKey, maxTokens, limit, threads, seed, tokenizer: opened },
    ...{ keepSpecial: specialTokens === "keep", plain: specialTokens === "none" },
  };
}

/**
 * The tokenizer that is named, or the one beside the model; none where the texts may be ids and the model has none.
 * @throws {ConfigError} when it cannot be read, or text needs one and there is none.
 */
async function tokenizerFor(
  named: string | undefined,
  model: string,
  text: string,
): Promise<TextTokenizer | undefined> {
  if (named !== undefined) return openTokenizer(named);
  return tokenizerOf(model).catch((error) => {
    // Ids need none; text that does says so.
    if (/\.npz$|\.jsonl$/i.test(text)) return undefined;
    throw error;
  });
}
