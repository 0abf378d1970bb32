import { type HostTensor, tensor } from "../../util/tensor.ts";
import type { RowSpans } from "../rowSpans.ts";
import type { Shard } from "./shard.ts";
import { ShardReader } from "./shardFiles.node.ts";

/**
 * Some rows of shards in their order, `batchSize` at a time and the rest at the end, `[batch, inputDim]`; the next ones are
 * read while these are used. A batch is good until the next but one is asked for.
 * @throws {ConfigError} when a file cannot be read or has changed.
 */
export async function* rowBatches(
  shards: readonly Shard[],
  rows: RowSpans,
  batchSize: number,
): AsyncGenerator<HostTensor<"float32">> {
  const reader = new ShardReader(shards);
  const width = shards[0]!.width;
  const arrays = [0, 1].map(() => new Float32Array(Math.min(batchSize, rows.count) * width));
  const read = async (from: number, into: Float32Array) => {
    const to = Math.min(from + batchSize, rows.count);
    if (from < to) await reader.read(rows.ranges(from, to), into);
    return tensor("float32", [Math.max(0, to - from), width], into.subarray(0, Math.max(0, to - from) * width));
  };
  let reading = read(0, arrays[0]!);
  for (let from = 0, turn = 1; from < rows.count; from += batchSize, turn = 1 - turn) {
    const batch = await reading;
    reading = read(from + batchSize, arrays[turn]!);
    // Heard of at the next turn, if there is one.
    reading.catch(() => {});
    yield batch;
  }
}
