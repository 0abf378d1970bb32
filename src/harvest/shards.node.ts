/** @file The files of a harvest: shards of rows for each place, what is known of each row, and the texts. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../data/files.node.ts";
import { float32ToHalf } from "../data/half.ts";
import { labelsPath } from "../data/labels.ts";
import { writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";
import type { Tap } from "./model.node.ts";
import type { EncodedText } from "./text/texts.node.ts";

/** Types rows are stored in. */
export const rowTypes = ["float32", "float16"] as const;
export type RowType = (typeof rowTypes)[number];

/** Rows of one shard at all places. */
export interface ShardRows {
  /** Text, position and token of each row. */
  readonly text: Int32Array;
  readonly position: Int32Array;
  readonly token: Int32Array;
  /** First letter of the token in its text, and the one after its last; none where ids were given. */
  readonly offsets: Int32Array | undefined;
  /** `[rows, width]` at each place, by its name. */
  readonly values: ReadonlyMap<string, { readonly width: number; readonly data: Float32Array }>;
}

/** Where the files of a harvest go. */
export interface ShardFolder {
  readonly out: string;
  readonly taps: readonly Tap[];
  readonly dtype: RowType;
  /** What each file says of where its rows come from, by the place's name. */
  readonly origins: ReadonlyMap<string, Readonly<Record<string, string | number>>>;
}

const numbered = (shard: number): string => `shard-${String(shard).padStart(6, "0")}`;

/** The folder of the rows of one place: of one alone `out` itself. */
export const folderOf = ({ out, taps }: Pick<ShardFolder, "out" | "taps">, name: string): string =>
  taps.length === 1 ? out : join(out, name.replace(/[^\w.-]+/g, "_").replace(/^[_.]+/, ""));

/** The file of one shard's rows at one place. */
export const shardPath = (folder: Pick<ShardFolder, "out" | "taps">, name: string, shard: number): string =>
  join(folderOf(folder, name), `${numbered(shard)}.safetensors`);

/** The file of the texts that a shard's rows are of. */
export const textsPath = (out: string, shard: number): string => join(out, "texts", `${numbered(shard)}.jsonl`);

/** Whether all files of a shard are there: rows are written after everything else of a shard, each file whole. */
export async function isWritten(folder: ShardFolder, shard: number): Promise<boolean> {
  for (const { name } of folder.taps)
    if (!(await stat(shardPath(folder, name, shard)).catch(() => undefined))) return false;
  return true;
}

/**
 * Writes a shard: the texts, what is known of each row, and the rows at every place.
 * @throws {ConfigError} when a value is not finite, or beyond what the type holds.
 */
export async function writeShard(
  folder: ShardFolder,
  shard: number,
  rows: ShardRows,
  texts: readonly EncodedText[],
  show: ((id: number) => string) | undefined,
): Promise<void> {
  for (const tap of folder.taps) checkValues(rows, tap.name, folder.dtype);
  await writeWhole(textsPath(folder.out, shard), texts.map(textLine).join(""));
  const labels = labelLines(rows, texts, show);
  for (const { name, hook } of folder.taps) {
    const path = shardPath(folder, name, shard);
    const { width, data } = rows.values.get(name)!;
    const count = rows.text.length;
    const matrix =
      folder.dtype === "float16"
        ? tensor("float16", [count, width], float32ToHalf(data))
        : tensor("float32", [count, width], data);
    const column = (values: Int32Array) => tensor("int32", [count], values);
    const bytes = writeSafetensors(
      {
        activations: matrix,
        ...{ text_id: column(rows.text), position: column(rows.position), token_id: column(rows.token) },
        ...(hook ? { layer: column(new Int32Array(count).fill(hook.block)) } : {}),
        ...(rows.offsets
          ? {
              start: column(rows.offsets.filter((_, i) => i % 2 === 0)),
              end: column(rows.offsets.filter((_, i) => i % 2 === 1)),
            }
          : {}),
      },
      { origin: JSON.stringify(folder.origins.get(name)) },
    );
    await writeWhole(labelsPath(path), labels);
    await writeWhole(path, bytes);
  }
}

/** Largest float16. */
const largestHalf = 65504;

function checkValues({ values, text, position }: ShardRows, name: string, dtype: RowType): void {
  const { width, data } = values.get(name)!;
  const most = dtype === "float16" ? largestHalf : Number.MAX_VALUE;
  // A loop: a callback takes several times as long.
  for (let at = 0; at < data.length; at++)
    if (!(Math.abs(data[at]!) <= most)) {
      const row = Math.floor(at / width);
      const where = `${name}: ${data[at]} at text ${text[row]}, position ${position[row]}, dimension ${at % width}`;
      throw new ConfigError(
        Number.isFinite(data[at])
          ? `${where} is more than float16 holds (${largestHalf}); use --dtype float32`
          : `${where}; the model overflows there, or its weights are damaged`,
      );
    }
}

/** A text's line: its number, what was fed, and where in it each token stands. */
function textLine({ number, text, ids, offsets }: EncodedText): string {
  const pairs = offsets && Array.from(ids, (_, i) => [offsets[2 * i], offsets[2 * i + 1]]);
  return `${JSON.stringify({
    text_id: number,
    ...(text === undefined ? {} : { text }),
    token_ids: Array.from(ids),
    ...(pairs ? { offsets: pairs } : {}),
  })}\n`;
}

/** A line for each row, with what the file of texts says of its text. The text itself is in it where every text has one row at most; it would be there as often as it has tokens otherwise. */
function labelLines(
  { text, position, token }: ShardRows,
  texts: readonly EncodedText[],
  show: ((id: number) => string) | undefined,
): string {
  const byNumber = new Map(texts.map((one) => [one.number, one]));
  const isSingle = new Set(text).size === text.length;
  const lines = Array.from(text, (number, row) => {
    const whole = byNumber.get(number);
    const own = isSingle ? whole?.text : undefined;
    return `${JSON.stringify({
      ...(own === undefined ? {} : { text: own }),
      ...(show ? { token: show(token[row]!) } : {}),
      ...{ text_id: number, position: position[row], token_id: token[row] },
      ...whole?.labels,
    })}\n`;
  });
  return lines.join("");
}
