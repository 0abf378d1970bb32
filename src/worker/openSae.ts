import { checkFiniteRows } from "../data/finite.ts";
import { decoderOf, dimsOf } from "../evaluate/parts.ts";
import { Atlas, activeOf } from "../features/atlas.ts";
import { encodeRows } from "../features/codes.ts";
import type { RowFacts } from "../features/facts.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows } from "../util/tensor.ts";
import type { Done, NumbersCode } from "./messages.ts";
import type { Promotes } from "./promotes.ts";

/** An SAE with what it made of all rows, and the model itself for further ones. */
export class OpenSae {
  readonly atlas: Atlas;
  readonly #rows: HostTensor<"float32"> | undefined;
  readonly #open: (() => Promise<Session>) | undefined;
  readonly inputDim: number;
  /** Its name in errors. */
  readonly file: string;
  /** What its latents promote, once an unembedding was given. */
  promotes: Promotes | undefined;
  #session: Promise<Session> | undefined;

  private constructor(
    atlas: Atlas,
    file: string,
    inputDim: number,
    rows?: HostTensor<"float32">,
    open?: () => Promise<Session>,
  ) {
    [this.atlas, this.file, this.inputDim, this.#rows, this.#open] = [atlas, file, inputDim, rows, open];
  }

  /** Runs a frozen encoder or autoencoder over all rows. @throws {ConfigError} when it is none, or takes another width. */
  static async of(
    runtime: Runtime,
    model: Model,
    { rows, facts }: { readonly rows: HostTensor<"float32">; readonly facts: RowFacts },
    { file, tell }: { readonly file: string; readonly tell: (done: Done) => void },
  ): Promise<OpenSae> {
    const { inputDim, latentDim } = dimsOf(model, file);
    const codes = await encodeRows(runtime, model, rows, { file, onRows: (done, of) => tell({ done, of }) });
    const atlas = await Atlas.open(codes, facts, decoderOf(model, latentDim));
    return new OpenSae(atlas, file, inputDim, rows, () => runtime.open(packModel(model)));
  }

  /** Of codes that were computed elsewhere: there is no model. */
  static withoutModel(atlas: Atlas, file: string): OpenSae {
    return new OpenSae(atlas, file, 0);
  }

  /** What it makes of rows `[rows, inputDim]`, each by itself. @throws {ConfigError} for another width, or where there is no model. */
  async encode(x: HostTensor<"float32">): Promise<readonly NumbersCode[]> {
    if (!this.#open) throw new ConfigError("this SAE was looked into beforehand and its model is not here; open one");
    if (x.dims[1] !== this.inputDim)
      throw new ConfigError(`a row of ${x.dims[1]} numbers; the model takes ${this.inputDim}`);
    checkFiniteRows(x, "the row");
    this.#session ??= this.#open();
    const { latents, reconstruction } = await (await this.#session).run({ activations: x });
    const [rows, width] = x.dims as [number, number];
    const latentDim = latents!.dims[1]!;
    const [z, xHat] = [latents!.data as Float32Array, reconstruction?.data as Float32Array | undefined];
    return Array.from({ length: rows }, (_, row) => {
      let error = xHat ? 0 : Number.NaN;
      if (xHat) for (let i = row * width; i < (row + 1) * width; i++) error += (x.data[i]! - xHat[i]!) ** 2 / width;
      return { active: activeOf(z.subarray(row * latentDim, (row + 1) * latentDim)), error };
    });
  }

  /** Mean of (x - xHat)^2 of one of the rows; `null` where there is no model or no reconstruction. */
  async errorOf(row: number): Promise<number | null> {
    if (!this.#rows) return null;
    const [{ error } = { error: Number.NaN }] = await this.encode(sliceRows(this.#rows, row, row + 1));
    return Number.isNaN(error) ? null : error;
  }

  async release(): Promise<void> {
    await (await this.#session)?.release();
  }
}
