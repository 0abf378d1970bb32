import { checkFiniteRows } from "../data/finite.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { hostTensor, shapeOf } from "../onnx/tensors.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows } from "../util/tensor.ts";
import { histogramOf } from "./histogram.ts";

/** A latent of a row, or a row of a latent, with the activation there. */
export interface Activation {
  readonly index: number;
  readonly value: number;
}

/** What one row makes of an SAE. */
export interface RowCode {
  /** Latents that are not zero, the largest |value| first. */
  readonly active: readonly Activation[];
  /** Mean of (x - xHat)^2 over the dimensions; `NaN` where the model gives no reconstruction. */
  readonly error: number;
}

/** What one latent responds to. */
export interface LatentProfile {
  readonly latent: number;
  /** Rows it is not zero in. */
  readonly fired: number;
  /** Its activations where they are not zero, in bins of equal width. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Rows with the largest |activation|. */
  readonly top: readonly Activation[];
  /** Other latents by cosine similarity of decoder rows, the nearest first; empty where the model keeps no `W_dec`. */
  readonly nearest: readonly { readonly index: number; readonly cosine: number }[];
}

/** Per latent, `[latentDim]` each. */
export interface LatentTable {
  /** Share of rows it is not zero in. */
  readonly frequency: Float64Array;
  /** Mean of |activation| where it is not zero; 0 for a dead latent. */
  readonly mean_activation: Float64Array;
  readonly max_activation: Float64Array;
}

/** Activations that are not zero, by row: row `r` has the entries `starts[r]` to `starts[r + 1]`. */
interface Sparse {
  readonly starts: number[];
  readonly latents: number[];
  readonly values: number[];
  readonly errors: number[];
}

const batchSize = 512;

/** A frozen autoencoder and what it makes of every row of some activations, to be asked about latents and rows. */
export class Explorer {
  readonly inputDim: number;
  readonly latentDim: number;
  readonly rows: number;
  #session: Session;
  #codes: Sparse;
  #decoder: HostTensor<"float32"> | undefined;

  private constructor(session: Session, model: Model, dims: { inputDim: number; latentDim: number }, codes: Sparse) {
    this.#session = session;
    this.inputDim = dims.inputDim;
    this.latentDim = dims.latentDim;
    this.#codes = codes;
    this.rows = codes.starts.length - 1;
    const decoder = decoderOf(model, dims.latentDim);
    if (decoder?.dims[1] === dims.inputDim) this.#decoder = decoder;
  }

  /** Runs the model over all rows. @throws {ConfigError} when it is no autoencoder, or takes another width. */
  static async open(
    runtime: Runtime,
    model: Model,
    activations: HostTensor<"float32">,
    { file = "model", threads }: { readonly file?: string; readonly threads?: number | undefined } = {},
  ): Promise<Explorer> {
    const dims = dimsOf(model, file);
    if (activations.dims[1] !== dims.inputDim)
      throw new ConfigError(
        `${file}: takes activations ${dims.inputDim} wide, the data are ${activations.dims[1]} wide; is it the model of another layer?`,
      );
    const session = await runtime.open(packModel(model), { threads });
    const codes: Sparse = { starts: [0], latents: [], values: [], errors: [] };
    const rows = activations.dims[0]!;
    for (let from = 0; from < rows; from += batchSize)
      await addCodes(session, sliceRows(activations, from, Math.min(from + batchSize, rows)), codes);
    return new Explorer(session, model, dims, codes);
  }

  /** How often and how strongly each latent fires. */
  table(): LatentTable {
    const { latents, values } = this.#codes;
    const [frequency, mean, max] = [0, 0, 0].map(() => new Float64Array(this.latentDim)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (const [at, latent] of latents.entries()) {
      const size = Math.abs(values[at]!);
      frequency[latent]! += 1;
      mean[latent]! += size;
      if (size > max[latent]!) max[latent] = size;
    }
    for (let latent = 0; latent < this.latentDim; latent++) {
      if (frequency[latent]! > 0) mean[latent]! /= frequency[latent]!;
      frequency[latent]! /= Math.max(this.rows, 1);
    }
    return { frequency, mean_activation: mean, max_activation: max };
  }

  /** What a latent responds to: `count` rows and neighbours at most. @throws {ConfigError} when there is no such latent. */
  latent(latent: number, count = 20): LatentProfile {
    if (!Number.isInteger(latent) || latent < 0 || latent >= this.latentDim)
      throw new ConfigError(`there is no latent ${latent}; they are numbered 0 to ${this.latentDim - 1}`);
    const fired: Activation[] = [];
    const { starts, latents, values } = this.#codes;
    for (let row = 0; row < this.rows; row++)
      for (let at = starts[row]!; at < starts[row + 1]!; at++)
        if (latents[at] === latent) fired.push({ index: row, value: values[at]! });
    return {
      latent,
      fired: fired.length,
      histogram: binsOf(fired.map(({ value }) => value)),
      top: fired.toSorted(largestFirst).slice(0, count),
      nearest: this.#nearest(latent, count),
    };
  }

  /** Per latent, the `count` rows at most with the largest |activation|. */
  strongest(count = 20): readonly (readonly Activation[])[] {
    const fired = Array.from({ length: this.latentDim }, (): Activation[] => []);
    const { starts, latents, values } = this.#codes;
    for (let row = 0; row < this.rows; row++)
      for (let at = starts[row]!; at < starts[row + 1]!; at++)
        fired[latents[at]!]!.push({ index: row, value: values[at]! });
    return fired.map((rows) => rows.sort(largestFirst).slice(0, count));
  }

  /** What a row of the activations makes of the SAE. @throws {ConfigError} when there is no such row. */
  row(row: number): RowCode {
    if (!Number.isInteger(row) || row < 0 || row >= this.rows)
      throw new ConfigError(`there is no row ${row}; they are numbered 0 to ${this.rows - 1}`);
    return codeOf(this.#codes, row);
  }

  /** The same of a row that is not among the activations, `[1, inputDim]`. */
  async encode(x: HostTensor<"float32">): Promise<RowCode> {
    if (x.dims[1] !== this.inputDim)
      throw new ConfigError(`a row of ${x.dims[1]} numbers; the model takes ${this.inputDim}`);
    checkFiniteRows(x, "the row");
    const codes: Sparse = { starts: [0], latents: [], values: [], errors: [] };
    await addCodes(this.#session, x, codes);
    return codeOf(codes, 0);
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  #nearest(latent: number, count: number) {
    if (!this.#decoder) return [];
    const { data } = this.#decoder;
    const width = this.inputDim;
    const dot = (a: number, b: number) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += data[a * width + i]! * data[b * width + i]!;
      return sum;
    };
    const length = Math.sqrt(dot(latent, latent)) || 1;
    return Array.from({ length: this.latentDim }, (_, index) => ({
      index,
      cosine: dot(latent, index) / length / (Math.sqrt(dot(index, index)) || 1),
    }))
      .filter(({ index }) => index !== latent)
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, count);
  }
}

function binsOf(values: readonly number[]): LatentProfile["histogram"] {
  const { from = 0, to = 0, counts = [] } = histogramOf(values) ?? {};
  const size = (to - from) / counts.length;
  return counts.map((count, i) => ({ from: from + i * size, to: from + (i + 1) * size, count }));
}

const largestFirst = (a: Activation, b: Activation) => Math.abs(b.value) - Math.abs(a.value) || a.index - b.index;

const codeOf = ({ starts, latents, values, errors }: Sparse, row: number): RowCode => ({
  active: latents
    .slice(starts[row]!, starts[row + 1]!)
    .map((index, i) => ({ index, value: values[starts[row]! + i]! }))
    .sort(largestFirst),
  error: errors[row]!,
});

async function addCodes(session: Session, activations: HostTensor<"float32">, into: Sparse): Promise<void> {
  const { latents, reconstruction } = await session.run({ activations });
  const [rows, width] = activations.dims as [number, number];
  const latentDim = latents!.dims[1]!;
  const z = latents!.data as Float32Array;
  for (let row = 0; row < rows; row++) {
    for (let latent = 0; latent < latentDim; latent++) {
      const value = z[row * latentDim + latent]!;
      if (value === 0) continue;
      into.latents.push(latent);
      into.values.push(value);
    }
    into.starts.push(into.latents.length);
    let error = reconstruction ? 0 : Number.NaN;
    if (reconstruction)
      for (let i = row * width; i < (row + 1) * width; i++)
        error += (activations.data[i]! - (reconstruction.data as Float32Array)[i]!) ** 2 / width;
    into.errors.push(error);
  }
}

/** A model's decoder `[latentDim, outputDim]`; `undefined` where it keeps none as float32, as an encoder does. */
export function decoderOf(model: Model, latentDim: number): HostTensor<"float32"> | undefined {
  const kept = model.graph?.initializer?.find(({ name }) => name === "W_dec");
  const decoder = kept && hostTensor(kept);
  const fits = decoder?.dtype === "float32" && decoder.dims.length === 2 && decoder.dims[0] === latentDim;
  return fits ? (decoder as HostTensor<"float32">) : undefined;
}

/** The widths of what a model takes and of its latents. @throws {ConfigError} when it has none of these. */
export function dimsOf(model: Model, file: string): { inputDim: number; latentDim: number } {
  const width = (infos: NonNullable<Model["graph"]>["input"], name: string) => {
    const info = infos?.find((one) => one.name === name);
    const dim = info && shapeOf(info)?.at(-1);
    return typeof dim === "number" ? dim : undefined;
  };
  const inputDim = width(model.graph?.input, "activations");
  const latentDim = width(model.graph?.output, "latents");
  if (inputDim === undefined || latentDim === undefined)
    throw new ConfigError(
      `${file}: needs an input "activations" and an output "latents"; give a frozen autoencoder, as sae-onnx train and export write`,
    );
  return { inputDim, latentDim };
}
