import { parts } from "../export/freeze.ts";
import { kernelProviders } from "../onnx/kernels.ts";
import { anObject, aString, either, isTensor, type Kind, listOf, matrix, oneOf, optional } from "../util/arguments.ts";

/** @file What the arguments of the library's functions must be. A kind looks at what is told apart by: the rest is checked where it is used. */

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => typeof value === "number";
const isFunction = (value: unknown): boolean => typeof value === "function";
const isBytes = (value: unknown): boolean => value instanceof Uint8Array;
const isThing = /* @__PURE__ */ anObject("").is;

export const aText = aString;
export const someText = /* @__PURE__ */ optional(aString);
export const someOptions = /* @__PURE__ */ optional(/* @__PURE__ */ anObject("an object of options, or left out"));
export const someCount: Kind = {
  is: (value) => value === undefined || isNumber(value),
  words: "a number of rows, or left out",
};
export const aFunction: Kind = { is: isFunction, words: "a function" };
export const bytes: Kind = { is: isBytes, words: "a Uint8Array" };
export const contents: Kind = { is: (value) => isBytes(value) || isText(value), words: "a Uint8Array or a text" };

export const aModel = /* @__PURE__ */ anObject("an ONNX model, as freeze, buildModel or decodeModel gives it", {
  graph: isThing,
});
export const aRuntime = /* @__PURE__ */ anObject("a runtime, such as cpu", { provider: isText, open: isFunction });
export const aProvider = /* @__PURE__ */ oneOf(kernelProviders);
export const aPart = /* @__PURE__ */ oneOf(Object.keys(parts));
export const aCheckpoint = /* @__PURE__ */ anObject(
  "a checkpoint { config, tensors, ... }, as readCheckpoint gives it",
  {
    config: isThing,
    tensors: isThing,
  },
);

export const aTraining = /* @__PURE__ */ anObject("what train gives: { state, loss, epochsDone, ... }", {
  state: isThing,
  loss: Array.isArray,
  epochsDone: isNumber,
});

export const aRequest = /* @__PURE__ */ anObject("{ inputDim, latentDim, options, ... }");
export const gridRequest = /* @__PURE__ */ anObject("{ inputDim, lists, ... }, lists by the names of options", {
  lists: isThing,
});
export const aConfig = /* @__PURE__ */ anObject(
  "a training configuration, as trainConfig({ inputDim, latentDim, options }) makes it",
  { architecture: isText, inputDim: isNumber, batchSize: isNumber, options: isThing },
);
export const configs = /* @__PURE__ */ listOf("a list of training configurations", aConfig);

export const aMatrix = /* @__PURE__ */ matrix("[rows, inputDim]");
export const rowNumbers: Kind = { is: (value) => value instanceof Uint32Array, words: "a Uint32Array of row numbers" };
export const sizes = /* @__PURE__ */ listOf("a list of sizes", { is: isNumber });
export const anArray: Kind = {
  is: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  words: "a typed array, such as Float32Array",
};
const dtypes = ["float32", "float64", "float16", "int32", "int64", "int8", "bool"];
export const aDtype = /* @__PURE__ */ oneOf(dtypes);
export const aSet = /* @__PURE__ */ anObject("a set of activations, as readActivations or parseActivations gives it", {
  activations: isTensor,
  columns: isThing,
});
const isRows = (value: unknown): boolean =>
  aMatrix.is(value) || /* @__PURE__ */ anObject("", { batches: isFunction }).is(value);
export const rowsToMeasure = /* @__PURE__ */ anObject("{ train, validation }, each a float32 tensor [rows, inputDim]", {
  train: isRows,
  validation: isRows,
});
export const probeRun = /* @__PURE__ */ anObject("{ activations, label, ... }: a matrix, and one value a row", {
  activations: aMatrix.is,
  label: (value) => Array.isArray(value) || anArray.is(value),
});
export const rowsToTrain = /* @__PURE__ */ either(
  aMatrix,
  /* @__PURE__ */ either(
    /* @__PURE__ */ anObject("{ activations, targets }", { activations: aMatrix.is }),
    /* @__PURE__ */ anObject("rows that are read in windows", { stretches: isFunction }),
  ),
);

export const aValue = /* @__PURE__ */ anObject("a value of a graph, as input and the ops give it", {
  node: isThing,
  shape: Array.isArray,
});
export const values = /* @__PURE__ */ listOf("a list of values of a graph", aValue);
const areValues = (value: unknown): boolean => isThing(value) && Object.values(value as object).every(aValue.is);
export const namedValues: Kind = { is: areValues, words: "values of a graph by name: { w, b }" };
export const draft = /* @__PURE__ */ anObject("{ inputs, outputs }, values of a graph by name", {
  inputs: areValues,
  outputs: areValues,
  values: (value) => value === undefined || areValues(value),
});
export const loopParts = /* @__PURE__ */ anObject("{ trips, state, body }", {
  trips: aValue.is,
  state: areValues,
  body: isFunction,
});
export const scanParts = /* @__PURE__ */ anObject("{ state, over, body }", {
  state: areValues,
  over: areValues,
  body: isFunction,
});
export const aShape = /* @__PURE__ */ listOf('a list of sizes and names, such as ["batch", 512]', {
  is: (one) => isNumber(one) || isText(one),
});
export const aMetric = /* @__PURE__ */ anObject("{ name, split, keys, sums, value }", {
  name: isText,
  sums: isFunction,
  value: isFunction,
});
export const anSae = /* @__PURE__ */ anObject("{ name, source, options, params, encode, decode, losses, ... }", {
  name: isText,
  options: isThing,
  encode: isFunction,
});

export const host = /* @__PURE__ */ anObject("{ bytes, file }: a model's file and its name", {
  bytes: isBytes,
  file: isText,
});
export const hosted = /* @__PURE__ */ anObject("{ model, file }: a frozen encoder and its name", {
  model: aModel.is,
  file: isText,
});
export const attachOptions = /* @__PURE__ */ anObject(
  "{ tensor, ... }: the activation's name and what else is wanted",
  { tensor: isText },
);
export const attachPaths = /* @__PURE__ */ anObject("{ model, encoder, out }: three paths", {
  model: isText,
  encoder: isText,
  out: isText,
});

export const records = /* @__PURE__ */ listOf(
  "a list of records of a metrics file",
  /* @__PURE__ */ anObject("", { name: isText }),
);
export const metricsFileKind = /* @__PURE__ */ anObject(
  "a metrics file { version, config, data, rows }, as parseMetrics gives it",
  {
    rows: Array.isArray,
  },
);
const figureParts = ["mark", "layer", "facet", "repeat", "concat", "hconcat", "vconcat"];
export const aFigure: Kind = {
  is: (value) => isThing(value) && figureParts.some((part) => part in (value as object)),
  words: "a vega-lite specification, as figuresOf gives it",
};
export const figureOptions = /* @__PURE__ */ anObject("{ width, ... }", { width: isNumber });
export const anInfo = /* @__PURE__ */ anObject("what is known of the activations, as the worker's read gives it");
export const aTrainedSae = /* @__PURE__ */ anObject("{ name, config, provider, seconds, loss, ... }", {
  name: isText,
  config: aConfig.is,
});
export const anEvaluation = /* @__PURE__ */ anObject("an evaluation { metrics, splits }, as evaluate gives it", {
  metrics: isThing,
  splits: isThing,
});

const isSet = (value: unknown): boolean => aSet.is(value) || (isThing(value) && "shards" in (value as object));
export const evaluationRun = /* @__PURE__ */ anObject("{ set, models, provider, ... }", {
  set: isSet,
  models: Array.isArray,
  provider: isText,
});
export const gridRun = /* @__PURE__ */ anObject("{ configs, set, out, ... }", {
  set: isSet,
  configs: Array.isArray,
  out: isText,
});
export const aPlan = /* @__PURE__ */ anObject("a plan, as planGrid gives it", {
  run: isThing,
  data: isThing,
  entries: Array.isArray,
});

/** What takes its files by name: these fields are texts, all others may be left out. */
const filesRun = (names: readonly string[]): Kind =>
  anObject(`{ ${names.join(", ")}, ... }, all of them texts`, Object.fromEntries(names.map((name) => [name, isText])));
export const effectRun = /* @__PURE__ */ filesRun(["sae", "model", "text"]);
export const featuresRun = /* @__PURE__ */ filesRun(["model", "data", "out"]);
export const harvestRun = /* @__PURE__ */ filesRun(["model", "at", "text", "out"]);
export const probeFilesRun = /* @__PURE__ */ filesRun(["data", "label"]);
