/**
 * @file The thread that reads windows of rows while the session runs, because a run blocks its own thread. It gets the numbers
 * of the rows and the array to read them into. The array is handed over and back, not copied.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Answer, Asked, RowFiles } from "./prefetch.node.ts";
import { RowSpans } from "./rowSpans.ts";
import { ShardReader } from "./shards/shardFiles.node.ts";

const { shards, bounds } = workerData as RowFiles;
const reader = new ShardReader(shards);
const rows = new RowSpans(bounds);

parentPort!.on("message", ({ blocks, buffer }: Asked) => {
  const data = new Float32Array(buffer);
  const ranges = blocks.flatMap(([from, to]) => rows.ranges(from, to));
  reader.read(ranges, data).then(
    () => parentPort!.postMessage({ buffer } satisfies Answer, [buffer]),
    (error: Error) => parentPort!.postMessage({ name: error.name, message: error.message } satisfies Answer),
  );
});
