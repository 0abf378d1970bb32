import { ConfigError } from "../util/errors.ts";
import { beyond, endOfString } from "../util/json.ts";
import { checkNotMistaken } from "../util/mistaken.ts";

/**
 * The value of a JSON text in which bare `NaN`, `Infinity` and `-Infinity` are allowed, as Python writes them; they come
 * back as numbers.
 * @throws {ConfigError} when the text is no JSON; the message names the file.
 */
export function parseJson(text: string, file: string): unknown {
  checkNotMistaken(text, file);
  const excess = beyond(text, bounds);
  if (excess !== undefined) throw new ConfigError(`${file}: ${excess}; divide it into several files`);
  const { plain, marked } = marking(text);
  try {
    return JSON.parse(
      plain,
      marked
        ? (_, value: unknown) =>
            typeof value === "string" && value.startsWith(mark) ? Number(value.slice(mark.length)) : value
        : undefined,
    );
  } catch (cause) {
    throw new ConfigError(
      `${file}: not valid JSON (${(cause as Error).message}); is it complete? Write it again with \`sae-onnx eval --json\``,
      { cause },
    );
  }
}

/** Some hundred thousand SAEs, each with its metrics, its configuration and its losses. */
const bounds = { depth: 64, values: 2 ** 24 };

const mark = "\u0000number:";

/** The text with every bare NaN and infinity as a marked string, and whether there is any. Strings are stepped over, however long. */
function marking(text: string): { readonly plain: string; readonly marked: boolean } {
  const pieces: string[] = [];
  let from = 0;
  const bare = /-?\bInfinity\b|\bNaN\b|"/g;
  for (let found = bare.exec(text); found; found = bare.exec(text)) {
    if (found[0] === '"') {
      bare.lastIndex = endOfString(text, found.index) + 1;
      continue;
    }
    pieces.push(text.slice(from, found.index), JSON.stringify(mark + found[0]));
    from = bare.lastIndex;
  }
  return from === 0 ? { plain: text, marked: false } : { plain: pieces.join("") + text.slice(from), marked: true };
}

/** Whether a JSON value is an object with keys. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as a short piece of text for a message. */
export function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
