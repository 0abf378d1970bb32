import { type FileHandle, open, stat } from "node:fs/promises";
import { ConfigError } from "../../util/errors.ts";
import { readError } from "../../util/fileErrors.ts";
import type { Range } from "../rowSpans.ts";
import { safetensorsStart } from "../safetensors.ts";
import { isNpy, readShardHeader, rowBytes, type Shard, type ShardHeader, shardTypes } from "./shard.ts";

/** Most bytes read in one call. */
const piece = 2 ** 22;
/** Gaps of fewer bytes than this between two wanted rows are read too: one large read beats two small ones. */
const gap = 2 ** 16;
/** First bytes of a .npy file, more than any header NumPy writes; and of a .safetensors file, enough to see what it is. */
const [npyPrefix, safetensorsPrefix] = [2 ** 16, 2 ** 9];

/** The header of a shard, and the file's size and time. @throws {ConfigError} when it cannot be read or is no shard. */
export async function openShard(path: string, tensor?: string): Promise<ShardHeader & { readonly shard: Shard }> {
  const { size, mtimeMs } = await regularFile(path);
  const file = await open(path, "r").catch(rethrow(path));
  try {
    const first = await readAt(file, path, 0, Math.min(size, isNpy(path) ? npyPrefix : safetensorsPrefix));
    const bytes = isNpy(path) ? first : await readAt(file, path, 0, safetensorsStart(first, size, path));
    const header = readShardHeader(bytes, size, path, tensor);
    return { ...header, shard: { ...header.shard, mtimeMs } };
  } finally {
    await file.close();
  }
}

/** Some bytes of a file. @throws {ConfigError} when they cannot be read. */
export async function readPart(path: string, from: number, to: number): Promise<Uint8Array> {
  const file = await open(path, "r").catch(rethrow(path));
  try {
    return await readAt(file, path, from, to - from);
  } finally {
    await file.close();
  }
}

/** Reads rows of shards by their number in the whole matrix. Only the rows asked for are kept. */
export class ShardReader {
  #shards: readonly Shard[];
  /** The number of the first row of each shard. */
  #first: number[] = [];
  #scratch: Uint8Array<ArrayBuffer>;

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
    let rows = 0;
    for (const shard of shards) {
      this.#first.push(rows);
      rows += shard.rows;
    }
    this.#scratch = new Uint8Array(Math.max(piece, ...shards.map(rowBytes)));
  }

  /**
   * Reads the rows of the ranges one after another into `out` as float32.
   * @throws {ConfigError} when a file cannot be read, or has changed since it was opened.
   */
  async read(ranges: readonly Range[], out: Float32Array): Promise<void> {
    let at = 0;
    let open: { readonly shard: Shard; readonly file: FileHandle } | undefined;
    try {
      for (const { index, from, to, wanted } of this.#reads(ranges)) {
        const shard = this.#shards[index]!;
        if (open?.shard !== shard) {
          if (open) await checkUnchanged(open.file, open.shard);
          await open?.file.close();
          open = undefined;
          open = { shard, file: await openUnchanged(shard) };
        }
        const bytes = rowBytes(shard);
        const raw = this.#scratch.subarray(0, (to - from) * bytes);
        await fill(open.file, shard.path, raw, shard.start + from * bytes);
        for (const [a, b] of wanted) {
          const rows = out.subarray(at, at + (b - a) * shard.width);
          shardTypes[shard.dtype](raw.subarray((a - from) * bytes, (b - from) * bytes), rows);
          at += rows.length;
        }
      }
      if (open) await checkUnchanged(open.file, open.shard);
    } finally {
      await open?.file.close();
    }
  }

  #shardOf(row: number): number {
    let [low, high] = [0, this.#first.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#first[middle]! <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  /** What to read from which shard, and which rows of that are wanted. */
  *#reads(ranges: readonly Range[]) {
    let now: { index: number; from: number; to: number; wanted: Range[] } | undefined;
    for (const [from, to] of ranges)
      for (let row = from; row < to; ) {
        const index = this.#shardOf(row);
        const shard = this.#shards[index]!;
        const perPiece = Math.max(1, Math.floor(piece / rowBytes(shard)));
        const own = row - this.#first[index]!;
        const end = Math.min(own + to - row, shard.rows, own + perPiece);
        const joins =
          now?.index === index && own >= now.to && (own - now.to) * rowBytes(shard) < gap && end - now.from <= perPiece;
        if (now && joins) {
          now.wanted.push([own, end]);
          now.to = end;
        } else {
          if (now) yield now;
          now = { index, from: own, to: end, wanted: [[own, end]] };
        }
        row += end - own;
      }
    if (now) yield now;
  }
}

const rethrow = (path: string) => (error: unknown) => {
  throw readError(path, error);
};

async function regularFile(path: string) {
  const stats = await stat(path).catch(rethrow(path));
  if (!stats.isFile())
    throw new ConfigError(`${path}: is ${stats.isDirectory() ? "a folder" : "no regular file"}; name a file`);
  return stats;
}

async function openUnchanged(shard: Shard): Promise<FileHandle> {
  // Opening a pipe would wait until somebody writes to it.
  await regularFile(shard.path);
  const file = await open(shard.path, "r").catch(rethrow(shard.path));
  try {
    await checkUnchanged(file, shard);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Checked before and after a shard is read: in between, the data may be of two versions. */
async function checkUnchanged(file: FileHandle, shard: Shard): Promise<void> {
  const { size, mtimeMs } = await file.stat().catch(rethrow(shard.path));
  if (size === shard.size && mtimeMs === shard.mtimeMs) return;
  const how = size === shard.size ? "it was written to" : `${shard.size} bytes before, ${size} now`;
  throw new ConfigError(`${shard.path}: changed while it was in use (${how}); leave it alone and start again`);
}

async function readAt(file: FileHandle, path: string, from: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  await fill(file, path, bytes, from);
  return bytes;
}

async function fill(file: FileHandle, path: string, into: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, from + at).catch(rethrow(path));
    if (bytesRead === 0)
      throw new ConfigError(`${path}: ends at byte ${from + at}; it was cut short while being read, get it again`);
    at += bytesRead;
  }
}
