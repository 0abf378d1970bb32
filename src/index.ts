/**
 * @file The library, as a table of contents. Everything here runs anywhere; node.ts and browser.ts add what only
 * they can do, and are what `import ... from "sae-onnx"` gives.
 */

export { gradients } from "./autodiff/gradients.ts";
// Checkpoints and frozen models
export { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint/checkpoint.ts";
export type { Origin } from "./checkpoint/origin.ts";
export { type TrainConfig, trainConfig } from "./config/config.ts";
// Data
export { type ActivationSet, parseActivations } from "./data/activations.ts";
export { splitRows, takeRows } from "./data/split.ts";
// Evaluation and report
export { type Evaluation, evaluate } from "./evaluate/evaluate.ts";
export { type Attached, type AttachOptions, attach } from "./export/attach/attach.ts";
export { freeze, type Part } from "./export/freeze.ts";
// Gradients
export { customGradient, stopGradient } from "./graph/alias.ts";
// Graphs
export { buildModel, type ModelDraft } from "./graph/build.ts";
export { cond, loop, scan } from "./graph/control.ts";
export * as op from "./graph/ops.ts";
export { input } from "./graph/ops.ts";
export { type Dim, type Float, type Shape, scope, type Value } from "./graph/value.ts";
export { metricKeys, metrics } from "./metrics/index.ts";
export { defineMetric } from "./metrics/metric.ts";
export { checkModel, type Misfit, requireFit } from "./onnx/check.ts";
export { decodeModel, encodeModel, packModel } from "./onnx/model.ts";
export { printModel } from "./onnx/print.ts";
// Training
export { optimizers } from "./optim/index.ts";
export { parseMetrics, serializeMetrics } from "./record/metricsFile.ts";
export type { MetricsFile, SaeRecord } from "./record/record.ts";
export { charts } from "./report/charts/index.ts";
export { buildReport } from "./report/report.ts";
// What runs models, and errors
export type { Runtime, Session } from "./runtime/session.ts";
// Sparse autoencoders
export { type Architecture, defineSae } from "./sae/architecture.ts";
export { architectures } from "./sae/index.ts";
export { type TrainProgress, train } from "./train/train.ts";
export { trainingGraph } from "./train/trainer.ts";
export { ConfigError, GradientError, RuntimeFailure, ShapeError } from "./util/errors.ts";
export { type HostTensor, tensor } from "./util/tensor.ts";
