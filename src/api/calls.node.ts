import { fileURLToPath } from "node:url";
import type { TrainConfig } from "../config/config.ts";
import { type Evaluation, evaluate as evaluateOn, type ResidentData } from "../evaluate/evaluate.ts";
import { encoderWidth } from "../evaluate/frozen.ts";
import { readModel } from "../export/files.node.ts";
import { decodeModel, packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { type ProviderName, providers, usableRuntime } from "../runtime/providers.node.ts";
import { trainTelling } from "../train/news.ts";
import { checkArguments, oneOf } from "../util/arguments.ts";
import type { HostTensor } from "../util/tensor.ts";
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
 * Measures a frozen autoencoder or evaluator, with every metric there is. It blocks this thread while a batch runs.
 * @throws {ConfigError} when an argument is wrong, or the model is neither or takes another width.
 */
export async function evaluate(
  model: ModelSource,
  data: ResidentData,
  options: RunOptions = {},
): Promise<Evaluation & ComputedOn> {
  checkEvaluate(model, data, options);
  const { runtime, ...computedOn } = await runtimeOf("evaluate", options);
  const [file, read] = await modelOf(model);
  return { ...(await evaluateOn(runtime, read, data, { file, threads: options.threads })), ...computedOn };
}

/**
 * Trains an SAE on activations `[rows, inputDim]`; gives its state after the last epoch, or where `signal` stopped it. It blocks this
 * thread while it computes. Default: one thread.
 * @throws {ConfigError} when rows, state or options do not fit; {RuntimeFailure} when the loss is no longer a number: its `progress` is
 * where to go on from, undefined before the first epoch's end.
 */
export async function train(
  config: TrainConfig,
  activations: HostTensor<"float32">,
  options: TrainCall = {},
): Promise<Trained> {
  checkTrain(config, activations, options);
  const { runtime, ...computedOn } = await runtimeOf("train", options);
  const { from, threads = 1, onEpoch = () => {}, signal } = options;
  const stopped = () => signal?.aborted === true;
  return {
    ...(await trainTelling(runtime, config, activations, { from, threads, tell: onEpoch, stopped })),
    ...computedOn,
  };
}

/**
 * A frozen encoder, ready to run.
 * @throws {ConfigError} when it cannot be read or is no encoder.
 */
export async function loadEncoder(source: ModelSource, options: RunOptions = {}): Promise<Encoder> {
  checkLoadEncoder(source, options);
  const { runtime, ...computedOn } = await runtimeOf("loadEncoder", options);
  const [file, model] = await modelOf(source);
  const inputDim = encoderWidth(model, file);
  const session = await runtime.open(packModel(model), { threads: options.threads });
  return {
    inputDim,
    ...computedOn,
    async encode(activations) {
      checkRows(activations, inputDim);
      return session.run({ activations });
    },
    release: () => session.release(),
  };
}

async function runtimeOf(call: string, { provider = "auto" }: RunOptions) {
  checkArguments(call, { "options.provider": [provider, oneOf(["auto", ...Object.keys(providers)])] });
  const name: ProviderName = provider === "auto" ? "cpu" : provider;
  return { runtime: await usableRuntime(name), provider: name, note: providers[name].describe };
}

/** A model and its name in messages; a path's with the data files beside it. */
async function modelOf(source: ModelSource): Promise<[file: string, model: Model]> {
  if (source instanceof URL && source.protocol === "file:") return modelOf(fileURLToPath(source));
  if (typeof source === "string" && !/^https?:/.test(source)) return [source, await readModel(source)];
  if (typeof source === "object" && "graph" in source) return ["model", source];
  const { name, bytes } = await modelFile(source);
  return [name, decodeModel(bytes, name)];
}
