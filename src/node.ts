/** @file The library in Node: all of index.ts, files, and ONNX Runtime's providers. */

import { onlyIn } from "./api/elsewhere.ts";

import type * as inBrowser from "./browser.ts";

export { evaluate, loadEncoder, train } from "./api/calls.node.ts";
export { readActivations, writeWhole } from "./data/files.node.ts";
export { attachFiles } from "./export/attach/files.node.ts";
export { readModel, writeModel } from "./export/files.node.ts";
export * from "./index.ts";
export { evaluateFiles } from "./pipeline/files.node.ts";
export { planGrid } from "./pipeline/grid/plan.node.ts";
export { trainGrid } from "./pipeline/trainGrid.node.ts";
export { cpu } from "./runtime/cpu.node.ts";
export { providers } from "./runtime/providers.node.ts";

/** What a browser alone has. */
export const SaeWorker: typeof inBrowser.SaeWorker = Object.assign(onlyIn<object>("browser", "new SaeWorker"), {
  start: onlyIn("browser", "SaeWorker.start"),
}) as never;
export type SaeWorker = inBrowser.SaeWorker;
