/** @file The library in a browser: all of index.ts, with training and evaluation in a Web Worker on onnxruntime-web. */

import { onlyIn } from "./api/elsewhere.ts";
import type * as inNode from "./node.ts";
import { capabilities } from "./runtime/capabilities.ts";

export { evaluate, loadEncoder, train } from "./api/browser.ts";
export * from "./index.ts";
export { SaeWorker } from "./worker/client.ts";

// What Node alone has: files, grids of processes, native libraries.
export const attachFiles: typeof inNode.attachFiles = onlyIn("node", "attachFiles");
export const effect: typeof inNode.effect = onlyIn("node", "effect");
export const evaluateFiles: typeof inNode.evaluateFiles = onlyIn("node", "evaluateFiles");
export const features: typeof inNode.features = onlyIn("node", "features");
export const harvest: typeof inNode.harvest = onlyIn("node", "harvest");
export const planGrid: typeof inNode.planGrid = onlyIn("node", "planGrid");
export const probe: typeof inNode.probe = onlyIn("node", "probe");
export const readActivations: typeof inNode.readActivations = onlyIn("node", "readActivations");
export const readModel: typeof inNode.readModel = onlyIn("node", "readModel");
export const trainGrid: typeof inNode.trainGrid = onlyIn("node", "trainGrid");
export const writeModel: typeof inNode.writeModel = onlyIn("node", "writeModel");
export const writeWhole: typeof inNode.writeWhole = onlyIn("node", "writeWhole");
export const providers = Object.fromEntries(
  Object.entries(capabilities).map(([name, can]) => [
    name,
    {
      ...can,
      describe: "a provider as Node loads it; in a browser evaluate, train and loadEncoder take { provider }",
      install: "npm install sae-onnx, in Node",
      usable: async () => ({
        usable: false,
        reason: "this is a browser",
        fix: "give { provider } to evaluate, train, loadEncoder",
      }),
      load: onlyIn("node", `providers.${name}.load`),
    },
  ]),
) as unknown as typeof inNode.providers;
export const cpu: typeof inNode.cpu = { provider: "cpu", open: onlyIn("node", "cpu.open") };
