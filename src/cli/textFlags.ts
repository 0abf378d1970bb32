/** @file Flags of verbs that run texts through a language model. */
import type { Options } from "yargs";
import { note } from "./output.ts";

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
  "max-tokens": {
    type: "number",
    describe: "tokens after so many of a text are cut off [default: 1024, or the tokenizer's longest text]",
  },
  limit: { type: "number", describe: "only the first so many texts [default: all]" },
  threads: { type: "number", describe: "threads inside an op; they can change the last digits [default: all cores]" },
} as const satisfies Record<string, Options>;

/** Those flags as `harvest` and `effect` of the library take them. */
export const textFiles = (
  given: { readonly text: string; readonly model: string } & Readonly<
    Partial<Record<"text-key" | "tokenizer", string | undefined>> &
      Partial<Record<"max-tokens" | "limit" | "threads" | "batch-tokens", number | undefined>>
  > & { readonly seed: number; readonly "special-tokens": "skip" | "keep" | "none"; readonly quiet?: unknown },
) => ({
  ...{ model: given.model, text: given.text, textKey: given["text-key"], tokenizer: given.tokenizer },
  ...{ maxTokens: given["max-tokens"], limit: given.limit, specialTokens: given["special-tokens"], seed: given.seed },
  ...{ batchTokens: given["batch-tokens"], threads: given.threads, onFetch: given.quiet === true ? undefined : note },
});
