/** @file The library in a browser: all of index.ts, with training and evaluation in a Web Worker on onnxruntime-web. */

import type { TopLevelSpec } from "vega-lite";

export type { Label } from "./data/labels.ts";
export type { LatentProfile, LatentTable, RowCode } from "./evaluate/explore.ts";
export type { Found } from "./evaluate/search.ts";
export * from "./index.ts";
export { stemsOf } from "./record/names.ts";
export { metricsFile, trainedRecord } from "./record/trained.ts";
export { type Figure, figuresOf } from "./report/figures.ts";
export { escapeHtml, ownIds } from "./report/html.ts";
export { style } from "./report/style.ts";
// In a worker: these take the place of index.ts's own `evaluate` and `train`, which block their thread.
export { type Encoder, evaluate, loadEncoder, train } from "./worker/api.ts";
export { progressOf, SaeWorker, type WorkerOptions } from "./worker/client.ts";
export type { DataSummary, EpochNews, ModelFile } from "./worker/messages.ts";
export { isDeviceLost } from "./worker/words.ts";

/** A figure as SVG text; vega is loaded when the first one is drawn. */
export const drawFigure = async (spec: TopLevelSpec): Promise<string> =>
  (await import("./report/render.ts")).renderSvg(spec);
