/**
 * @file The library, as a table of contents. Everything here runs anywhere; node.ts and browser.ts add `evaluate`, `train` and
 * `loadEncoder`, each in its own way, and what only one of them can do. These two have the same names and types.
 */

import type { TopLevelSpec } from "vega-lite";

// Evaluation and report
export type { ComputedOn, Encoder, ModelSource, RunOptions, TrainCall, Trained } from "./api/calls.ts";
export { gradients } from "./autodiff/gradients.ts";
// Checkpoints and frozen models
export { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint/checkpoint.ts";
export type { Origin } from "./checkpoint/origin.ts";
export { type TrainConfig, trainConfig } from "./config/config.ts";
export { gridConfigs } from "./config/grid.ts";
// Data
export { type ActivationSet, parseActivations } from "./data/activations.ts";
export type { Label } from "./data/labels.ts";
export { splitRows, takeRows } from "./data/split.ts";
export { type Evaluation, evaluate as evaluateOn } from "./evaluate/evaluate.ts";
export type { LatentProfile, LatentTable, RowCode } from "./evaluate/explore.ts";
export type { Found } from "./evaluate/search.ts";
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
export { stemsOf } from "./record/names.ts";
export type { MetricsFile, SaeRecord } from "./record/record.ts";
export { metricsFile, trainedRecord } from "./record/trained.ts";
export { charts } from "./report/charts/index.ts";
export { type Figure, figuresOf } from "./report/figures.ts";
export { escapeHtml, ownIds } from "./report/html.ts";
export { buildReport } from "./report/report.ts";
export { style } from "./report/style.ts";
// What runs models, and errors
export type { Runtime, Session } from "./runtime/session.ts";
// Sparse autoencoders
export { type Architecture, defineSae } from "./sae/architecture.ts";
export { architectures } from "./sae/index.ts";
export type { EpochNews } from "./train/news.ts";
export { type TrainProgress, train as trainOn } from "./train/train.ts";
export { trainingGraph } from "./train/trainer.ts";
export { ConfigError, GradientError, RuntimeFailure, ShapeError } from "./util/errors.ts";
export { type HostTensor, tensor } from "./util/tensor.ts";
// A worker of a browser, and the words of its errors
export type { WorkerOptions } from "./worker/client.ts";
export type { DataSummary, ModelFile } from "./worker/messages.ts";
export { isDeviceLost, progressOf } from "./worker/words.ts";

/** A figure as SVG text; vega is loaded when the first one is drawn. */
export const drawFigure = async (spec: TopLevelSpec): Promise<string> =>
  (await import("./report/render.ts")).renderSvg(spec);
