import type { TrainConfig } from "../config/config.ts";
import type { Evaluation, ResidentData } from "../evaluate/evaluate.ts";
import type { Model } from "../onnx/proto.ts";
import type { EpochNews } from "../train/news.ts";
import type { TrainProgress } from "../train/train.ts";
import { anObject, checkArguments, checkOptions, either, isTensor, type Kind, matrix } from "../util/arguments.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import type { SaeWorker, WorkerOptions } from "../worker/client.ts";
import { aConfig, aMatrix } from "./kinds.ts";

/** What a result was computed on, and why. */
export interface ComputedOn {
  /** A provider's name: `cpu`, `wasm`, `webgpu` or `cuda`. */
  readonly provider: string;
  readonly note: string;
}

/** A frozen model: as a value, as bytes, or where it is. A text is a path in Node, and an address in a browser. */
export type ModelSource = Model | Uint8Array | string | URL;

/** Where a call computes. */
export interface RunOptions extends WorkerOptions {
  /** In a browser: a worker that is there already. Default: one of its own, closed at the end. */
  readonly worker?: SaeWorker | undefined;
}

export interface TrainCall extends RunOptions {
  /** Where to go on from; default: the state before the first step. */
  readonly from?: TrainProgress | undefined;
  readonly onEpoch?: ((news: EpochNews) => void) | undefined;
  /** Once aborted, the training ends after the epoch it is in. */
  readonly signal?: AbortSignal | undefined;
}

/** A training's end, on what it was, and how long it took. */
export type Trained = TrainProgress & ComputedOn & { readonly seconds: number };

/** An SAE's encoder, ready to run. */
export interface Encoder extends ComputedOn {
  readonly inputDim: number;
  /** `latents [batch, latentDim]`, and for TopK SAEs `top_values` and `top_indices [batch, k]`, of rows `[batch, inputDim]`. */
  encode(activations: HostTensor<"float32">): Promise<Readonly<Record<string, HostTensor>>>;
  /** Gives back its memory. */
  release(): Promise<void>;
}

/** `evaluate`, in Node and in a browser. */
export type Evaluate = (
  model: ModelSource,
  data: ResidentData,
  options?: RunOptions,
) => Promise<Evaluation & ComputedOn>;
/** `train`, in Node and in a browser. */
export type Train = (config: TrainConfig, rows: HostTensor<"float32">, options?: TrainCall) => Promise<Trained>;
/** `loadEncoder`, in Node and in a browser. */
export type LoadEncoder = (source: ModelSource, options?: RunOptions) => Promise<Encoder>;

const runOptions = ["provider", "threads", "wasmPath", "workerPath", "startWorker", "worker"];
const rows = aMatrix;

const model: Kind = {
  is: (value) =>
    typeof value === "string" ||
    value instanceof Uint8Array ||
    value instanceof URL ||
    anObject("", { graph: (graph) => typeof graph === "object" && graph !== null }).is(value),
  words:
    "a frozen model: where it is (a path in Node, an address in a browser), its bytes (Uint8Array), or what freeze gives",
};

const data = anObject("{ train, validation }, each a float32 tensor [rows, inputDim]", {
  train: rows.is,
  validation: rows.is,
  targets: (value) => value === undefined || (anObject("").is(value) && !isTensor(value)),
});

/** @throws {ConfigError} when an argument of `evaluate` is not what it must be, by name. */
export function checkEvaluate(...[source, on, options]: Parameters<Evaluate>): void {
  checkArguments("evaluate", { model: [source, model], data: [on, data] });
  checkRun("evaluate", options);
}

/** @throws {ConfigError} when an argument of `train` is not what it must be, by name. */
export function checkTrain(...[given, x, options]: Parameters<Train>): void {
  checkArguments("train", { config: [given, aConfig], rows: [x, rows] });
  checkRun("train", options, ["from", "onEpoch", "signal"]);
  const { from, onEpoch, signal } = options ?? {};
  const progress = anObject("{ state, epochsDone, loss }, as train gives it", { state: anObject("").is });
  checkArguments("train", {
    "options.from": [from, maybe(progress)],
    "options.onEpoch": [onEpoch, maybe({ is: (value) => typeof value === "function", words: "a function" })],
    "options.signal": [signal, maybe(anObject("an AbortSignal", { aborted: (value) => typeof value === "boolean" }))],
  });
}

/** @throws {ConfigError} when an argument of `loadEncoder` is not what it must be, by name. */
export function checkLoadEncoder(...[source, options]: Parameters<LoadEncoder>): void {
  checkArguments("loadEncoder", { source: [source, model] });
  checkRun("loadEncoder", options);
}

/** @throws {ConfigError} when rows to encode are no matrix of the encoder's width, or there are none. */
export function checkRows(x: unknown, inputDim: number): void {
  const own = matrix(`[batch, ${inputDim}]`);
  const is = (value: unknown) => own.is(value) && (value as HostTensor).dims[1] === inputDim;
  checkArguments("encode", { activations: [x, { ...own, is }] });
  // ONNX Runtime 1.30 ends the process where TopK is given none.
  if ((x as HostTensor).dims[0] === 0) throw new ConfigError("encode: activations have no rows; give one or more");
}

const maybe = (kind: Kind): Kind => either(kind, { is: (value) => value === undefined, words: "left out" });

function checkRun(call: string, options: RunOptions = {}, more: readonly string[] = []): void {
  checkOptions(call, options, [...runOptions, ...more]);
  const threads = (value: unknown) => value === undefined || (Number.isInteger(value) && (value as number) >= 1);
  checkArguments(call, { "options.threads": [options.threads, { is: threads, words: "an integer of at least 1" }] });
}
