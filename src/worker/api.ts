import type { TrainConfig } from "../config/config.ts";
import type { Evaluation, ResidentData } from "../evaluate/evaluate.ts";
import { encodeModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import type { TrainProgress } from "../train/train.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { progressOf, SaeWorker, type WorkerOptions } from "./client.ts";
import type { EpochNews, ModelFile } from "./messages.ts";
import { isDeviceLost } from "./words.ts";

/** What a result was computed on, and why. */
export interface ComputedOn {
  /** `webgpu` or `wasm`. */
  readonly provider: string;
  readonly note: string;
}

/** A frozen model: as a value, as bytes, or the address it is fetched from. */
export type ModelSource = Model | Uint8Array | string | URL;

export interface BrowserOptions extends WorkerOptions {
  /** A worker that is there already; default: one of its own, closed at the end. */
  readonly worker?: SaeWorker | undefined;
}

/** An SAE's encoder, ready in its worker. */
export interface Encoder extends ComputedOn {
  readonly inputDim: number;
  /** `latents [batch, latentDim]`, and for TopK SAEs `top_values` and `top_indices [batch, k]`, of rows `[batch, inputDim]`. */
  encode(activations: HostTensor<"float32">): Promise<Readonly<Record<string, HostTensor>>>;
  /** Gives back its memory. */
  release(): Promise<void>;
}

/**
 * Measures a frozen autoencoder or evaluator in a worker, with every metric there is: Node's numbers to float rounding.
 * @throws {ConfigError} when the model is neither, or takes another width.
 */
export async function evaluate(
  model: ModelSource,
  data: ResidentData,
  options: BrowserOptions = {},
): Promise<Evaluation & ComputedOn> {
  const file = await modelFile(model);
  return inWorker(options, async (worker) => {
    const { id } = await worker.call("keep", data);
    try {
      const { evaluation } = await worker.call("evaluate", { data: id, model: file });
      return { ...evaluation, provider: worker.provider, note: worker.note };
    } finally {
      await worker.call("drop", { data: id });
    }
  });
}

export interface BrowserTrainOptions extends BrowserOptions {
  /** Where to go on from; default: the state before the first step. */
  readonly from?: TrainProgress | undefined;
  readonly onEpoch?: ((news: EpochNews) => void) | undefined;
  /** Once aborted, the training ends after the epoch it is in. */
  readonly signal?: AbortSignal | undefined;
}

/** A training's end, on what it was, and how long it took. */
export type Trained = TrainProgress & ComputedOn & { readonly seconds: number };

/**
 * Trains an SAE in a worker on activations `[rows, inputDim]`; gives its state after the last epoch, or where it was stopped.
 * Default provider `wasm`; on `webgpu` the configuration's `step` must be `dense`. With `auto`, a training whose graphics device is
 * lost goes on from its last epoch on WebAssembly, as `note` then says.
 * @throws {ConfigError} when rows, state or options do not fit; {RuntimeFailure} when the loss is no longer a number, or memory or the
 * device gave out: its `progress` is where to go on from, undefined before the first epoch's end.
 */
export async function train(
  config: TrainConfig,
  activations: HostTensor<"float32">,
  options: BrowserTrainOptions = {},
): Promise<Trained> {
  try {
    return await trainOnce(config, activations, options);
  } catch (error) {
    if (options.worker || options.provider !== "auto" || !isDeviceLost(error)) throw error;
    const from = progressOf(error);
    const rest = await trainOnce(config, activations, { ...options, provider: "wasm", from });
    return { ...rest, note: `WebAssembly after epoch ${from?.epochsDone ?? 0}, as the graphics device was lost` };
  }
}

function trainOnce(
  config: TrainConfig,
  activations: HostTensor<"float32">,
  options: BrowserTrainOptions,
): Promise<Trained> {
  const { from, onEpoch, signal } = options;
  return inWorker({ provider: "wasm", ...options }, async (worker) => {
    const nothing = { ...activations, dims: [0, activations.dims[1]!], data: new Float32Array() };
    const { id } = await worker.call("keep", { train: activations, validation: nothing });
    const stop = () => void worker.call("stop", undefined).catch(() => {});
    try {
      const running = worker.call("train", { data: id, config, from }, onEpoch);
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop);
      return { ...(await running), provider: worker.provider, note: worker.note };
    } finally {
      signal?.removeEventListener("abort", stop);
      await worker.call("drop", { data: id });
    }
  });
}

/**
 * A frozen encoder in a worker of its own.
 * @throws {ConfigError} when it cannot be fetched or is no encoder.
 */
export async function loadEncoder(source: ModelSource, options: BrowserOptions = {}): Promise<Encoder> {
  const file = await modelFile(source);
  const worker = options.worker ?? (await SaeWorker.start(options));
  const { id, inputDim } = await worker.call("loadEncoder", file);
  return {
    inputDim,
    provider: worker.provider,
    note: worker.note,
    encode: (activations) => worker.call("encode", { encoder: id, activations }),
    async release() {
      await worker.call("close", { encoder: id });
      if (!options.worker) worker.close();
    },
  };
}

async function inWorker<T>(options: BrowserOptions, work: (worker: SaeWorker) => Promise<T>): Promise<T> {
  if (options.worker) return work(options.worker);
  const worker = await SaeWorker.start(options);
  try {
    return await work(worker);
  } finally {
    worker.close();
  }
}

async function modelFile(source: ModelSource): Promise<ModelFile> {
  if (source instanceof Uint8Array) return { name: "model", bytes: source };
  if (typeof source !== "string" && !(source instanceof URL)) return { name: "model", bytes: encodeModel(source) };
  const name = String(source).split("/").at(-1)!;
  const response = await fetch(source);
  if (!response.ok)
    throw new ConfigError(
      `${source}: the server answers ${response.status} ${response.statusText}; is the address right?`,
    );
  return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
}
