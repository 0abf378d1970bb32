import { createReadStream } from "node:fs";
import { ConfigError } from "../../util/errors.ts";
import { checkNotMistaken } from "../../util/mistaken.ts";

/** How UTF-16 begins, in both orders of its bytes. */
const utf16 = ["fffe", "feff"];

/**
 * The text of a file, some of it at a time; a byte order mark is left in it.
 * @throws {ConfigError} naming the first line that is not UTF-8.
 */
export async function* utf8Parts(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for await (const part of createReadStream(file)) yield decoder.decode(part as Uint8Array, { stream: true });
    yield decoder.decode();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? await refusal(file) : error;
  }
}

/** Looks for the line once more, so that nobody counts lines of a file that is fine. */
async function refusal(file: string): Promise<ConfigError> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 0;
  for await (const part of createReadStream(file)) {
    const bytes = part as Buffer;
    if (line === 0) {
      checkNotMistaken(bytes, file);
      if (utf16.includes(bytes.toString("hex", 0, 2)))
        return new ConfigError(`${file}: is UTF-16; convert it to UTF-8`);
      line = 1;
    }
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(10, from);
      const end = newline < 0 ? bytes.length : newline + 1;
      try {
        decoder.decode(bytes.subarray(from, end), { stream: true });
      } catch {
        return atLine(file, line);
      }
      if (newline >= 0) line++;
      from = end;
    }
  }
  return atLine(file, line);
}

const atLine = (file: string, line: number): ConfigError =>
  new ConfigError(`${file}: line ${line} is not UTF-8; convert it`);
