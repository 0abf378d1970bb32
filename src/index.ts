/**
 * @file The library, as a table of contents. Everything here runs anywhere; node.ts and browser.ts add `evaluate`, `train` and
 * `loadEncoder`, each in its own way, and what only one of them can do. These two have the same names and types.
 */

export type { ComputedOn, Encoder, ModelSource, RunOptions, TrainCall, Trained } from "./api/calls.ts";
// Functions; their arguments are checked by name
export {
  attach,
  buildModel,
  buildReport,
  checkModel,
  cond,
  customGradient,
  decodeModel,
  defineMetric,
  defineSae,
  drawFigure,
  encodeModel,
  escapeHtml,
  evaluateOn,
  figuresOf,
  finishedCheckpoint,
  freeze,
  gradients,
  gridConfigs,
  input,
  loop,
  metricsFile,
  op,
  ownIds,
  packModel,
  parseActivations,
  parseMetrics,
  printModel,
  probeOn,
  readCheckpoint,
  requireFit,
  scan,
  scope,
  serializeMetrics,
  splitRows,
  stemsOf,
  stopGradient,
  takeRows,
  tensor,
  trainConfig,
  trainedRecord,
  trainingGraph,
  trainOn,
  writeCheckpoint,
} from "./api/functions.ts";
// Checkpoints and frozen models
export type { Checkpoint } from "./checkpoint/checkpoint.ts";
export type { Origin } from "./checkpoint/origin.ts";
export type { TrainConfig } from "./config/config.ts";
// Data
export type { ActivationSet } from "./data/activations.ts";
export type { Label } from "./data/labels.ts";
export type { Evaluation } from "./evaluate/evaluate.ts";
export type { Attached, AttachOptions } from "./export/attach/attach.ts";
export type { Part } from "./export/freeze.ts";
// What latents respond to
export type { Active, LatentList, TextCodes } from "./features/atlas.ts";
export type { Example } from "./features/examples.ts";
export type { FeatureJson } from "./features/featureJson.ts";
export type { Found } from "./features/search.ts";
// Graphs
export type { ModelDraft } from "./graph/build.ts";
export type { Dim, Float, Shape, Value } from "./graph/value.ts";
export { metricKeys, metrics } from "./metrics/index.ts";
export type { Misfit } from "./onnx/check.ts";
// Training
export { optimizers } from "./optim/index.ts";
export type { ProbeFile } from "./probe/file.ts";
export type { ProbeRun } from "./probe/probe.ts";
export type { MetricsFile, SaeRecord } from "./record/record.ts";
export { charts } from "./report/charts/index.ts";
export type { Figure } from "./report/figures.ts";
export { style } from "./report/style.ts";
// What runs models, and errors
export type { Runtime, Session } from "./runtime/session.ts";
// Sparse autoencoders
export type { Architecture } from "./sae/architecture.ts";
export { architectures } from "./sae/index.ts";
export type { EpochNews } from "./train/news.ts";
export type { TrainProgress } from "./train/train.ts";
export { ConfigError, GradientError, RuntimeFailure, ShapeError } from "./util/errors.ts";
export type { HostTensor } from "./util/tensor.ts";
// A worker of a browser, and the words of its errors
export type { WorkerOptions } from "./worker/client.ts";
export type { DataSummary, ModelFile, OpenedSae, TrainedState, TrainNews } from "./worker/messages.ts";
export type { ArchitectureChoice, Plan, PlanRequest } from "./worker/plan.ts";
export type { Recognised } from "./worker/recognise.ts";
export type { Ending, Place, Push, Read } from "./worker/textReader.ts";
export { isDeviceLost, progressOf } from "./worker/words.ts";
