import { dirname, join } from "node:path";
import { readBytes } from "../../data/files.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { checkNotMistaken } from "../../util/mistaken.ts";
import { type TextTokenizer, tokenizerIn } from "./tokenizer.ts";

/** Places of a model's tokenizer beside it. */
const usualPlaces = ["tokenizer.json", "tokenizer/tokenizer.json", "../tokenizer.json"];

/**
 * The tokenizer in a tokenizer.json, with the tokenizer_config.json beside it where there is one.
 * @throws {ConfigError} when it cannot be read or is none.
 */
export async function openTokenizer(file: string): Promise<TextTokenizer> {
  const own = await readJson(file);
  const config = await readJson(join(dirname(file), "tokenizer_config.json")).catch((error) => {
    if (isMissing(error)) return {};
    throw error;
  });
  return tokenizerIn(own, config, file);
}

/** The tokenizer of a model, where it lies beside it. @throws {ConfigError} when there is none. */
export async function tokenizerOf(model: string): Promise<TextTokenizer> {
  for (const place of usualPlaces)
    try {
      return await openTokenizer(join(dirname(model), place));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  throw new ConfigError(
    `${model}: no tokenizer.json beside it; name one with --tokenizer, or give ids in --text FILE.npz or .jsonl`,
  );
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await readBytes(file));
  checkNotMistaken(text, file);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw new ConfigError(`${file}: is no JSON object; give a tokenizer.json`);
}

const isMissing = (error: unknown): boolean =>
  error instanceof ConfigError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
