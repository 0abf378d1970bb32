import type { TrainConfig } from "../config/config.ts";
import type { Evaluation, ResidentData } from "../evaluate/evaluate.ts";
import type { HostTensor } from "../util/tensor.ts";
import { SaeWorker } from "../worker/client.ts";
import { isDeviceLost, progressOf } from "../worker/words.ts";
import {
  type ComputedOn,
  checkEvaluate,
  checkLoadEncoder,
  checkRows,
  checkTrain,
  type Encoder,
  type ModelSource,
  type RunOptions,
  type TrainCall,
  type Trained,
} from "./calls.ts";
import { modelFile } from "./source.ts";

/**
 * Measures a frozen autoencoder or evaluator in a worker, with every metric there is: Node's numbers to float rounding.
 * @throws {ConfigError} when the model is neither, or takes another width.
 */
export async function evaluate(
  model: ModelSource,
  data: ResidentData,
  options: RunOptions = {},
): Promise<Evaluation & ComputedOn> {
  checkEvaluate(model, data, options);
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
  options: TrainCall = {},
): Promise<Trained> {
  checkTrain(config, activations, options);
  try {
    return await trainOnce(config, activations, options);
  } catch (error) {
    if (options.worker || options.provider !== "auto" || !isDeviceLost(error)) throw error;
    const from = progressOf(error);
    const rest = await trainOnce(config, activations, { ...options, provider: "wasm", from });
    return { ...rest, note: `WebAssembly after epoch ${from?.epochsDone ?? 0}, as the graphics device was lost` };
  }
}

function trainOnce(config: TrainConfig, activations: HostTensor<"float32">, options: TrainCall): Promise<Trained> {
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
export async function loadEncoder(source: ModelSource, options: RunOptions = {}): Promise<Encoder> {
  checkLoadEncoder(source, options);
  const file = await modelFile(source);
  const worker = options.worker ?? (await SaeWorker.start(options));
  const { id, inputDim } = await worker.call("loadEncoder", file).catch((error) => {
    if (!options.worker) worker.close();
    throw error;
  });
  return {
    inputDim,
    provider: worker.provider,
    note: worker.note,
    async encode(activations) {
      checkRows(activations, inputDim);
      return worker.call("encode", { encoder: id, activations });
    },
    async release() {
      await worker.call("close", { encoder: id });
      if (!options.worker) worker.close();
    },
  };
}

async function inWorker<T>(options: RunOptions, work: (worker: SaeWorker) => Promise<T>): Promise<T> {
  if (options.worker) return work(options.worker);
  const worker = await SaeWorker.start(options);
  try {
    return await work(worker);
  } finally {
    worker.close();
  }
}
