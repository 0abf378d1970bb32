/** @file The library in Node: all of index.ts, files, and ONNX Runtime's CPU provider. */

export { gridConfigs } from "./config/grid.ts";
export { readActivations, writeWhole } from "./data/files.node.ts";
export { readModel, writeModel } from "./export/files.node.ts";
export * from "./index.ts";
export { attachFiles } from "./pipeline/attachModel.node.ts";
export { evaluateFiles } from "./pipeline/files.node.ts";
export { planGrid } from "./pipeline/grid/plan.node.ts";
export { trainGrid } from "./pipeline/trainGrid.node.ts";
export { cpu } from "./runtime/cpu.node.ts";
export { providers } from "./runtime/providers.node.ts";
