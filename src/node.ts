/** @file The library in Node: all of index.ts, files, and ONNX Runtime's providers. */

import { onlyIn } from "./api/elsewhere.ts";

import type * as inBrowser from "./browser.ts";

export { evaluate, loadEncoder, train } from "./api/calls.node.ts";
export {
  attachFiles,
  effect,
  evaluateFiles,
  features,
  harvest,
  planGrid,
  probe,
  readActivations,
  readModel,
  trainGrid,
  writeModel,
  writeWhole,
} from "./api/functions.node.ts";
export * from "./index.ts";
export { cpu } from "./runtime/cpu.node.ts";
export { providers } from "./runtime/providers.node.ts";

/** What a browser alone has. */
export const SaeWorker: typeof inBrowser.SaeWorker = Object.assign(onlyIn<object>("browser", "new SaeWorker"), {
  start: onlyIn("browser", "SaeWorker.start"),
}) as never;
export type SaeWorker = inBrowser.SaeWorker;
