import { checkFiniteRows } from "../data/finite.ts";
import { type AnyRows, batchesOf, twice } from "../evaluate/evaluate.ts";
import { dimsOf } from "../evaluate/parts.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import type { Runtime, Tensors } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";

/** What is not zero in some rows that follow one another: row `first + r` has the entries `starts[r]` to `starts[r + 1]`. */
export interface CodeChunk {
  readonly first: number;
  readonly starts: Uint32Array;
  readonly latents: Uint16Array | Uint32Array;
  readonly values: Float32Array;
}

/** Where chunks are kept between the passes over them. */
export interface ChunkStore {
  put(chunk: CodeChunk): Promise<void> | void;
  /** All of them, in the order of their rows, as often as wanted. */
  all(): AsyncIterable<CodeChunk>;
}

/** Chunks in memory. */
export function inMemory(): ChunkStore {
  const chunks: CodeChunk[] = [];
  return {
    put(chunk) {
      chunks.push(chunk);
    },
    async *all() {
      yield* chunks;
    },
  };
}

/** What an encoder makes of every row: the activations that are not zero. */
export interface Codes {
  readonly rows: number;
  readonly latentDim: number;
  /** Rows in which each latent is not zero, `[latentDim]`. */
  readonly fired: Uint32Array;
  /** Sum over rows of the square of the number of latents that are not zero. */
  readonly pairs: number;
  readonly store: ChunkStore;
}

export interface EncodeOptions {
  /** Name of the model in errors. */
  readonly file?: string;
  /** Name of the data in errors. */
  readonly source?: string;
  readonly threads?: number | undefined;
  /** Rows per run; default 512. */
  readonly batchSize?: number;
  readonly store?: ChunkStore;
  /** Told how many rows are done, after each batch. */
  readonly onRows?: ((done: number, rows: number) => void) | undefined;
}

/** Activations of a chunk: so many, and then those of the batch that is being added. */
const perChunk = 2 ** 20;

/**
 * Runs a frozen encoder or autoencoder over all rows, once.
 * @throws {ConfigError} when it gives no latents, takes another width, or a row is not finite.
 */
export async function encodeRows(
  runtime: Runtime,
  model: Model,
  rows: AnyRows,
  { file = "model", source = "rows", threads, batchSize = 512, store = inMemory(), onRows }: EncodeOptions = {},
): Promise<Codes> {
  const { inputDim, latentDim } = dimsOf(model, file);
  if (rows.dims[1] !== inputDim)
    throw new ConfigError(
      `${file}: takes activations ${inputDim} wide, the data are ${rows.dims[1]} wide; is it the model of another layer?`,
    );
  const has = (name: string) => model.graph?.output?.some((one) => one.name === name);
  // Where the encoder says which it kept, nobody looks through all the others.
  const wanted = has("top_values") && has("top_indices") ? ["top_values", "top_indices"] : ["latents"];
  const session = await runtime.open(packModel(onlyOutputs(model, wanted)), { threads });
  const fired = new Uint32Array(latentDim);
  const writer = new ChunkWriter(latentDim, store);
  let [done, pairs] = [0, 0];
  try {
    for await (const batch of batchesOf(rows, batchSize)) {
      const count = batch.dims[0]!;
      checkFiniteRows(batch, done === 0 ? source : `${source}, counted from row ${done} on`);
      const outputs = await session.run({ activations: count === 1 ? twice(batch) : batch });
      for (let row = 0; row < count; row++) {
        const before = writer.size;
        addRow(outputs, row, latentDim, (latent, value) => {
          fired[latent]! += 1;
          writer.add(latent, value);
        });
        writer.endRow();
        pairs += (writer.size - before) ** 2;
      }
      if (writer.size >= perChunk) await writer.flush();
      done += count;
      onRows?.(done, rows.dims[0]!);
    }
    await writer.flush();
  } finally {
    await session.release();
  }
  return { rows: done, latentDim, fired, pairs, store };
}

/** Gives the latents of a row that are not zero. */
function addRow(outputs: Tensors, row: number, latentDim: number, add: (latent: number, value: number) => void): void {
  const { top_values, top_indices, latents } = outputs;
  if (latents) {
    const z = latents.data as Float32Array;
    for (let latent = 0, at = row * latentDim; latent < latentDim; latent++, at++) if (z[at] !== 0) add(latent, z[at]!);
    return;
  }
  const k = top_values!.dims[1]!;
  const values = top_values!.data as Float32Array;
  const indices = top_indices!.data as BigInt64Array | Int32Array;
  for (let at = row * k; at < (row + 1) * k; at++) if (values[at] !== 0) add(Number(indices[at]), values[at]!);
}

/** Collects rows until a chunk is full. */
class ChunkWriter {
  size = 0;
  #first = 0;
  #rows = 0;
  #starts = new Uint32Array(1024);
  #latents: Uint16Array | Uint32Array;
  #values = new Float32Array(2 ** 16);
  readonly #store: ChunkStore;

  constructor(latentDim: number, store: ChunkStore) {
    this.#store = store;
    this.#latents = latentDim <= 2 ** 16 ? new Uint16Array(2 ** 16) : new Uint32Array(2 ** 16);
  }

  add(latent: number, value: number): void {
    if (this.size === this.#values.length) {
      this.#latents = grown(this.#latents);
      this.#values = grown(this.#values);
    }
    this.#latents[this.size] = latent;
    this.#values[this.size++] = value;
  }

  endRow(): void {
    this.#rows++;
    if (this.#rows === this.#starts.length) this.#starts = grown(this.#starts);
    this.#starts[this.#rows] = this.size;
  }

  async flush(): Promise<void> {
    if (this.#rows === 0) return;
    await this.#store.put({
      first: this.#first,
      starts: this.#starts.slice(0, this.#rows + 1),
      latents: this.#latents.slice(0, this.size),
      values: this.#values.slice(0, this.size),
    });
    this.#first += this.#rows;
    [this.#rows, this.size] = [0, 0];
  }
}

function grown<T extends Uint16Array | Uint32Array | Float32Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(2 * array.length);
  larger.set(array);
  return larger;
}
