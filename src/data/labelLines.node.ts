import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { readError } from "../util/fileErrors.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { checkCount, type Label, labelsPath, parseLabel } from "./labels.ts";

/** Bytes read at a time. */
const piece = 2 ** 22;

/**
 * The labels beside an activation file, read line by line: where each line is stays in memory, what it says does not. For files of
 * millions of rows.
 */
export class LabelLines {
  readonly file: string;
  /** Byte at which each line begins, and the end of the last. */
  readonly #starts: Float64Array;
  readonly #text = new TextDecoder();

  private constructor(file: string, starts: Float64Array) {
    this.file = file;
    this.#starts = starts;
  }

  /**
   * Reads the labels beside an activation file of `rows` rows once, telling of each; `undefined` where there are none.
   * @throws {ConfigError} as `parseLabels`.
   */
  static open(path: string, rows: number, each: (row: number, label: Label) => void): LabelLines | undefined {
    const file = labelsPath(path);
    if (!existsSync(file)) return undefined;
    const starts = new Float64Array(rows + 1);
    const text = new TextDecoder();
    let row = 0;
    let blank = 0;
    for (const { line, from, to } of linesOf(file)) {
      if (row === 0) checkNotMistaken(line, file);
      const said = text.decode(line);
      // Blank lines are fine at the end alone.
      if (/^\s*$/.test(said)) {
        blank++;
        continue;
      }
      if (blank > 0) parseLabel("", `${file}: line ${row + 1}`);
      if (row < rows) {
        starts[row] = from;
        starts[row + 1] = to;
        each(row, parseLabel(said, `${file}: line ${row + 1}`));
      }
      row++;
    }
    checkCount(row, rows, file);
    return new LabelLines(file, starts);
  }

  /** The labels of some rows. @throws {ConfigError} when the file was changed since it was opened. */
  read(rows: ArrayLike<number>): Label[] {
    const file = openSync(this.file, "r");
    try {
      return Array.from(rows, (row) => {
        const from = this.#starts[row]!;
        const bytes = Buffer.allocUnsafe(this.#starts[row + 1]! - from);
        const read = readSync(file, bytes, 0, bytes.length, from);
        return parseLabel(this.#text.decode(bytes.subarray(0, read)).trim(), `${this.file}: line ${row + 1}`);
      });
    } finally {
      closeSync(file);
    }
  }
}

/** The lines of a file as bytes, and where they lie. */
function* linesOf(path: string): Generator<{ line: Uint8Array; from: number; to: number }> {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    let rest = Buffer.alloc(0);
    // Where `rest` begins.
    let at = 0;
    const next = Buffer.allocUnsafe(piece);
    for (;;) {
      const read = readSync(file, next, 0, piece, at + rest.length);
      const all = Buffer.concat([rest, next.subarray(0, read)]);
      let from = 0;
      for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
        yield { line: all.subarray(from, end), from: at + from, to: at + end };
        from = end + 1;
      }
      rest = all.subarray(from);
      at += from;
      if (read > 0) continue;
      if (rest.length > 0) yield { line: rest, from: at, to: at + rest.length };
      return;
    }
  } catch (error) {
    throw error instanceof Error && "code" in error ? readError(path, error) : error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
