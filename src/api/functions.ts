/** @file The functions of index.ts, each with its arguments checked by name. Their own files say what they do. */
import type { TopLevelSpec } from "vega-lite";
import * as autodiffGradients from "../autodiff/gradients.ts";
import * as checkpointCheckpoint from "../checkpoint/checkpoint.ts";
import * as configConfig from "../config/config.ts";
import * as configGrid from "../config/grid.ts";
import * as dataActivations from "../data/activations.ts";
import * as dataSplit from "../data/split.ts";
import * as evaluateEvaluate from "../evaluate/evaluate.ts";
import * as exportAttachAttach from "../export/attach/attach.ts";
import * as exportFreeze from "../export/freeze.ts";
import * as graphAlias from "../graph/alias.ts";
import * as graphBuild from "../graph/build.ts";
import * as graphControl from "../graph/control.ts";
import * as graphOps from "../graph/ops.ts";
import * as graphValue from "../graph/value.ts";
import * as metricsMetric from "../metrics/metric.ts";
import * as onnxCheck from "../onnx/check.ts";
import * as onnxModel from "../onnx/model.ts";
import * as onnxPrint from "../onnx/print.ts";
import * as probeProbe from "../probe/probe.ts";
import * as recordMetricsfile from "../record/metricsFile.ts";
import * as recordNames from "../record/names.ts";
import * as recordTrained from "../record/trained.ts";
import * as reportFigures from "../report/figures.ts";
import * as reportHtml from "../report/html.ts";
import * as reportReport from "../report/report.ts";
import * as saeArchitecture from "../sae/architecture.ts";
import * as trainFinished from "../train/finished.ts";
import * as trainTrain from "../train/train.ts";
import * as trainTrainer from "../train/trainer.ts";
import * as utilTensor from "../util/tensor.ts";
import { checked, checkedLater, spoken } from "./checked.ts";
import {
  aCheckpoint,
  aConfig,
  aDtype,
  aFigure,
  aFunction,
  aMatrix,
  aMetric,
  aModel,
  anArray,
  anEvaluation,
  anInfo,
  anSae,
  aPart,
  aProvider,
  aRequest,
  aRuntime,
  aSet,
  aShape,
  aText,
  aTrainedSae,
  aTraining,
  attachOptions,
  aValue,
  bytes,
  configs,
  draft,
  figureOptions,
  gridRequest,
  host,
  hosted,
  loopParts,
  metricsFileKind,
  namedValues,
  probeRun,
  records,
  rowNumbers,
  rowsToMeasure,
  rowsToTrain,
  scanParts,
  sizes,
  someCount,
  someOptions,
  someText,
  values,
} from "./kinds.ts";

/** The ops, with their arguments in words where they are no values of a graph. */
export const op: typeof graphOps = /* @__PURE__ */ spoken("op", graphOps);

export const attach: typeof exportAttachAttach.attach = /* @__PURE__ */ checked(
  "attach",
  { host, encoder: hosted, options: attachOptions },
  exportAttachAttach.attach,
);
export const buildModel: typeof graphBuild.buildModel = /* @__PURE__ */ checked(
  "buildModel",
  { draft },
  graphBuild.buildModel,
);
export const buildReport: typeof reportReport.buildReport = /* @__PURE__ */ checkedLater(
  "buildReport",
  { file: metricsFileKind, options: someOptions },
  reportReport.buildReport,
);
export const checkModel: typeof onnxCheck.checkModel = /* @__PURE__ */ checked(
  "checkModel",
  { model: aModel, provider: aProvider, file: someText },
  onnxCheck.checkModel,
);
export const cond: typeof graphControl.cond = /* @__PURE__ */ checked(
  "cond",
  // biome-ignore lint/suspicious/noThenProperty: the name of the parameter; nobody awaits this
  { condition: aValue, then: aFunction, otherwise: aFunction },
  graphControl.cond,
);
export const customGradient: typeof graphAlias.customGradient = /* @__PURE__ */ checked(
  "customGradient",
  { inputs: values, forward: aFunction, backward: aFunction },
  graphAlias.customGradient,
);
export const decodeModel: typeof onnxModel.decodeModel = /* @__PURE__ */ checked(
  "decodeModel",
  { bytes, file: aText },
  onnxModel.decodeModel,
);
export const defineMetric: typeof metricsMetric.defineMetric = /* @__PURE__ */ checked(
  "defineMetric",
  { metric: aMetric },
  metricsMetric.defineMetric,
);
export const defineSae: typeof saeArchitecture.defineSae = /* @__PURE__ */ checked(
  "defineSae",
  { sae: anSae },
  saeArchitecture.defineSae,
);
/** A figure as SVG text; vega is loaded when the first one is drawn. */
export const drawFigure = /* @__PURE__ */ checkedLater(
  "drawFigure",
  { spec: aFigure },
  async (spec: TopLevelSpec): Promise<string> => (await import("../report/render.ts")).renderSvg(spec),
);
export const encodeModel: typeof onnxModel.encodeModel = /* @__PURE__ */ checked(
  "encodeModel",
  { model: aModel },
  onnxModel.encodeModel,
);
export const escapeHtml: typeof reportHtml.escapeHtml = /* @__PURE__ */ checked(
  "escapeHtml",
  { text: aText },
  reportHtml.escapeHtml,
);
export const evaluateOn: typeof evaluateEvaluate.evaluate = /* @__PURE__ */ checkedLater(
  "evaluateOn",
  { runtime: aRuntime, model: aModel, data: rowsToMeasure, options: someOptions },
  evaluateEvaluate.evaluate,
);
export const figuresOf: typeof reportFigures.figuresOf = /* @__PURE__ */ checked(
  "figuresOf",
  { records, options: figureOptions },
  reportFigures.figuresOf,
);
export const finishedCheckpoint: typeof trainFinished.finishedCheckpoint = /* @__PURE__ */ checked(
  "finishedCheckpoint",
  { config: aConfig, trained: aTraining, about: someOptions },
  trainFinished.finishedCheckpoint,
);
export const freeze: typeof exportFreeze.freeze = /* @__PURE__ */ checked(
  "freeze",
  { checkpoint: aCheckpoint, part: aPart, options: someOptions },
  exportFreeze.freeze,
);
export const gradients: typeof autodiffGradients.gradients = /* @__PURE__ */ checked(
  "gradients",
  { loss: aValue, parameters: namedValues },
  autodiffGradients.gradients,
);
export const gridConfigs: typeof configGrid.gridConfigs = /* @__PURE__ */ checked(
  "gridConfigs",
  { request: gridRequest },
  configGrid.gridConfigs,
);
export const input: typeof graphOps.input = /* @__PURE__ */ checked(
  "input",
  { dtype: aDtype, shape: aShape },
  graphOps.input,
);
export const loop: typeof graphControl.loop = /* @__PURE__ */ checked("loop", { how: loopParts }, graphControl.loop);
export const metricsFile: typeof recordTrained.metricsFile = /* @__PURE__ */ checked(
  "metricsFile",
  { configs, data: anInfo, rows: records },
  recordTrained.metricsFile,
);
export const ownIds: typeof reportHtml.ownIds = /* @__PURE__ */ checked(
  "ownIds",
  { svg: aText, name: aText },
  reportHtml.ownIds,
);
export const packModel: typeof onnxModel.packModel = /* @__PURE__ */ checked(
  "packModel",
  { model: aModel, options: someOptions },
  onnxModel.packModel,
);
export const parseActivations: typeof dataActivations.parseActivations = /* @__PURE__ */ checked(
  "parseActivations",
  { bytes, file: aText, options: someOptions },
  dataActivations.parseActivations,
);
export const parseMetrics: typeof recordMetricsfile.parseMetrics = /* @__PURE__ */ checked(
  "parseMetrics",
  { text: aText, file: aText },
  recordMetricsfile.parseMetrics,
);
export const printModel: typeof onnxPrint.printModel = /* @__PURE__ */ checked(
  "printModel",
  { model: aModel },
  onnxPrint.printModel,
);
export const probeOn: typeof probeProbe.probe = /* @__PURE__ */ checkedLater(
  "probeOn",
  { runtime: aRuntime, run: probeRun },
  probeProbe.probe,
);
export const readCheckpoint: typeof checkpointCheckpoint.readCheckpoint = /* @__PURE__ */ checked(
  "readCheckpoint",
  { bytes, file: aText },
  checkpointCheckpoint.readCheckpoint,
);
export const requireFit: typeof onnxCheck.requireFit = /* @__PURE__ */ checked(
  "requireFit",
  { model: aModel, provider: aProvider, file: someText },
  onnxCheck.requireFit,
);
export const scan: typeof graphControl.scan = /* @__PURE__ */ checked("scan", { how: scanParts }, graphControl.scan);
export const scope: typeof graphValue.scope = /* @__PURE__ */ checked(
  "scope",
  { name: aText, build: aFunction },
  graphValue.scope,
);
export const serializeMetrics: typeof recordMetricsfile.serializeMetrics = /* @__PURE__ */ checked(
  "serializeMetrics",
  { file: metricsFileKind },
  recordMetricsfile.serializeMetrics,
);
export const splitRows: typeof dataSplit.splitRows = /* @__PURE__ */ checked(
  "splitRows",
  { set: aSet, trainRows: someCount },
  dataSplit.splitRows,
);
export const stemsOf: typeof recordNames.stemsOf = /* @__PURE__ */ checked(
  "stemsOf",
  { name: aText, configs },
  recordNames.stemsOf,
);
export const stopGradient: typeof graphAlias.stopGradient = /* @__PURE__ */ checked(
  "stopGradient",
  { x: aValue },
  graphAlias.stopGradient,
);
export const takeRows: typeof dataSplit.takeRows = /* @__PURE__ */ checked(
  "takeRows",
  { activations: aMatrix, rows: rowNumbers },
  dataSplit.takeRows,
);
export const tensor: typeof utilTensor.tensor = /* @__PURE__ */ checked(
  "tensor",
  { dtype: aDtype, dims: sizes, data: anArray },
  utilTensor.tensor,
);
export const trainConfig: typeof configConfig.trainConfig = /* @__PURE__ */ checked(
  "trainConfig",
  { request: aRequest },
  configConfig.trainConfig,
);
export const trainOn: typeof trainTrain.train = /* @__PURE__ */ checkedLater(
  "trainOn",
  { runtime: aRuntime, config: aConfig, rows: rowsToTrain, options: someOptions },
  trainTrain.train,
);
export const trainedRecord: typeof recordTrained.trainedRecord = /* @__PURE__ */ checked(
  "trainedRecord",
  { sae: aTrainedSae, evaluation: anEvaluation },
  recordTrained.trainedRecord,
);
export const trainingGraph: typeof trainTrainer.trainingGraph = /* @__PURE__ */ checked(
  "trainingGraph",
  { config: aConfig, wrapper: someText },
  trainTrainer.trainingGraph,
);
export const writeCheckpoint: typeof checkpointCheckpoint.writeCheckpoint = /* @__PURE__ */ checked(
  "writeCheckpoint",
  { checkpoint: aCheckpoint },
  checkpointCheckpoint.writeCheckpoint,
);
