import { Worker } from "node:worker_threads";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import type { Range } from "./rowSpans.ts";
import type { Shard } from "./shards/shard.ts";

/** Some rows of shards: what a reading thread is given. */
export interface RowFiles {
  readonly shards: readonly Shard[];
  /** The rows, as `RowSpans` keeps them. */
  readonly bounds: Float64Array;
}

/** Which rows to read, counted within `bounds`, and the array to read them into. */
export interface Asked {
  readonly blocks: readonly Range[];
  readonly buffer: ArrayBuffer;
}

export type Answer = { readonly buffer: ArrayBuffer } | { readonly name: string; readonly message: string };

/** The thread runs built JavaScript, also when this file itself is run from source. */
const workerFile = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/data/prefetchWorker.node.js", import.meta.url)
  : new URL("./prefetchWorker.node.js", import.meta.url);

/** A thread of its own that reads rows of shards, one request at a time. */
export class Prefetch {
  #worker: Worker;
  #width: number;
  /** Arrays that are free to be read into, by their length in bytes. */
  #free: ArrayBuffer[] = [];

  constructor(files: RowFiles) {
    this.#width = files.shards[0]!.width;
    this.#worker = new Worker(workerFile, { workerData: files });
    // The thread alone does not keep the process alive.
    this.#worker.unref();
  }

  /** Starts reading the rows of some blocks; gives their entries `[rows, width]` when they are there. */
  async read(blocks: readonly Range[]): Promise<Float32Array> {
    const bytes = blocks.reduce((sum, [from, to]) => sum + to - from, 0) * this.#width * 4;
    const kept = this.#free.findIndex(({ byteLength }) => byteLength === bytes);
    const buffer = kept >= 0 ? this.#free.splice(kept, 1)[0]! : new ArrayBuffer(bytes);
    this.#worker.ref();
    return new Promise<Float32Array>((resolve, reject) => {
      const settle = (done: () => void) => {
        this.#worker.off("message", answered);
        this.#worker.off("error", failed);
        this.#worker.unref();
        done();
      };
      const failed = (cause: Error) =>
        settle(() => reject(new RuntimeFailure(`the reading thread failed: ${cause.message}`, { cause })));
      const answered = (answer: Answer) =>
        settle(() => {
          if ("buffer" in answer) resolve(new Float32Array(answer.buffer));
          else reject(new (answer.name === "ConfigError" ? ConfigError : RuntimeFailure)(answer.message));
        });
      this.#worker.on("message", answered);
      this.#worker.on("error", failed);
      this.#worker.postMessage({ blocks, buffer } satisfies Asked, [buffer]);
    });
  }

  /** Takes back an array, to read into it again; keeps two at most. */
  free({ buffer }: Float32Array): void {
    this.#free = [buffer as ArrayBuffer, ...this.#free].slice(0, 2);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
