/** @file Flags of verbs that run texts through a language model. */
import type { Options } from "yargs";
import { openTokenizer, tokenizerOf } from "../harvest/text/tokenizer.node.ts";
import type { TextTokenizer } from "../harvest/text/tokenizer.ts";

/** The model, and the texts it is given. */
export const textFlags = {
  model: {
    type: "string",
    demandOption: true,
    describe: "the ONNX model; hf:owner/name is fetched from the Hugging Face Hub once",
  },
  text: {
    type: "string",
    describe: "texts: .txt (one a line), .jsonl (text, or input_ids), or .npz (input_ids [texts, length])",
  },
  "text-key": { type: "string", describe: "key of the text in a .jsonl [default: text]" },
  tokenizer: { type: "string", describe: "the tokenizer.json [default: the one beside the model]" },
  "max-tokens": { type: "number", default: 1024, describe: "tokens after so many of a text are cut off" },
  limit: { type: "number", describe: "only the first so many texts [default: all]" },
  threads: { type: "number", describe: "threads inside an op; they can change the last digits [default: all cores]" },
} as const satisfies Record<string, Options>;

/**
 * The tokenizer that is named, or the one beside the model; none where the texts may be ids and the model has none.
 * @throws {ConfigError} when it cannot be read, or text needs one and there is none.
 */
export async function tokenizerFor(
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
