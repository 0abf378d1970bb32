/** @file The library in Node: all of index.ts, files, and ONNX Runtime's CPU provider. */

export { readActivations, writeWhole } from "./data/files.ts";
export { attachFiles } from "./export/attach/files.ts";
export { readModel, writeModel } from "./export/files.ts";
export * from "./index.ts";
export { evaluateFiles } from "./pipeline/files.ts";
export { gridConfigs } from "./pipeline/grid.ts";
export { trainGrid } from "./pipeline/node.ts";
export { cpu } from "./runtime/node.ts";
export { providers } from "./runtime/providers.ts";
