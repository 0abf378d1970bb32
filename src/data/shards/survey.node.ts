import { createHash } from "node:crypto";
import { ConfigError } from "../../util/errors.ts";
import { RowSpans } from "../rowSpans.ts";
import { rowBatches } from "./batches.node.ts";
import type { Shard } from "./shard.ts";
import type { ShardSet } from "./shardSet.node.ts";

/** Rows read at a time. */
const rowsAtATime = 4096;

/**
 * One pass over all rows, and where there are targets over these: the digest that `describeData` gives for the same rows in memory, and
 * the mean of the validation rows to reconstruct.
 * @throws {ConfigError} naming file and row of the first value that is NaN or infinite.
 */
export async function surveyShards(
  set: Surveyed,
  split: { readonly train: RowSpans; readonly validation: RowSpans },
  targets?: Surveyed | undefined,
): Promise<{ digest: string; mean: Float64Array }> {
  const own = await surveyOne(set, split.validation);
  const target = targets && (await surveyOne(targets, split.validation));
  const hashes = [...own.hashes, ...(target?.hashes ?? []), rowNumbers(split.train), rowNumbers(split.validation)];
  const text = JSON.stringify({ dims: own.dims, hashes });
  return { digest: createHash("sha256").update(text).digest("hex"), mean: (target ?? own).mean };
}

type Surveyed = Pick<ShardSet, "shards" | "rows" | "wanted">;

/** `averaged` are rows of the set, numbered among the wanted ones. */
async function surveyOne({ shards, rows, wanted = RowSpans.of([0, rows]) }: Surveyed, averaged: RowSpans) {
  const inputDim = shards[0]!.width;
  const sums = new Float64Array(inputDim);
  const hashes = new Hashes();
  const ranges = averaged.ranges();
  let [from, next] = [0, 0];
  for await (const { data, dims } of rowBatches(shards, wanted, rowsAtATime)) {
    hashes.add(data);
    if (!data.every(Number.isFinite)) refuse(data, from, shards, wanted);
    const end = from + dims[0]!;
    for (; next < ranges.length && ranges[next]![0] < end; next++) {
      const [first, last] = ranges[next]!;
      for (let row = Math.max(first, from); row < Math.min(last, end); row++)
        for (let i = 0, at = (row - from) * inputDim; i < inputDim; i++) sums[i]! += data[at + i]!;
      // The rest of it is in the next rows.
      if (last > end) break;
    }
    from = end;
  }
  const mean = sums.map((sum) => sum / Math.max(averaged.count, 1));
  return { hashes: hashes.end(), dims: [rows, inputDim], mean };
}

/** `from` is the number of the first of these rows among the wanted ones. */
function refuse(data: Float32Array, from: number, shards: readonly Shard[], wanted: RowSpans): never {
  const width = shards[0]!.width;
  const at = data.findIndex((value) => !Number.isFinite(value));
  const number = from + Math.floor(at / width);
  let row = wanted.ranges(number, number + 1)[0]![0];
  for (const { path, rows } of shards) {
    if (row < rows) throw new ConfigError(`${path}: ${data[at]} at row ${row}, column ${at % width}; drop such rows`);
    row -= rows;
  }
  throw new RangeError("unreachable");
}

/** SHA-256 of every 2^30 bytes, as `describeData` takes them. */
class Hashes {
  #done: string[] = [];
  #hash = createHash("sha256");
  #room = 2 ** 30;

  add(data: Float32Array): void {
    let bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    while (bytes.length > 0) {
      const part = bytes.subarray(0, this.#room);
      this.#hash.update(part);
      this.#room -= part.length;
      bytes = bytes.subarray(part.length);
      if (this.#room === 0) this.#next();
    }
  }

  end(): string[] {
    if (this.#room < 2 ** 30) this.#next();
    return this.#done;
  }

  #next(): void {
    this.#done.push(this.#hash.digest("hex"));
    this.#hash = createHash("sha256");
    this.#room = 2 ** 30;
  }
}

/** SHA-256 of the row numbers as 32-bit integers. */
function rowNumbers(spans: RowSpans): string {
  const hash = createHash("sha256");
  const part = new Uint32Array(2 ** 16);
  let filled = 0;
  for (const [from, to] of spans.ranges())
    for (let row = from; row < to; row++) {
      part[filled++] = row;
      if (filled < part.length) continue;
      hash.update(part);
      filled = 0;
    }
  return hash.update(part.subarray(0, filled)).digest("hex");
}
