import { ConfigError } from "../util/errors.ts";
import { checkNotMistaken } from "../util/mistaken.ts";

/**
 * The value of a JSON text in which bare `NaN`, `Infinity` and `-Infinity` are allowed, as Python writes them; they come
 * back as numbers.
 * @throws {ConfigError} when the text is no JSON; the message names the file.
 */
export function parseJson(text: string, file: string): unknown {
  checkNotMistaken(text, file);
  const mark = "\u0000number:";
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(mark + token),
  );
  try {
    return JSON.parse(quoted, (_, value: unknown) =>
      typeof value === "string" && value.startsWith(mark) ? Number(value.slice(mark.length)) : value,
    );
  } catch (cause) {
    throw new ConfigError(
      `${file}: not valid JSON (${(cause as Error).message}); is it complete? Write it again with \`sae-onnx eval --json\``,
      { cause },
    );
  }
}

/** Whether a JSON value is an object with keys. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as a short piece of text for a message. */
export function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
