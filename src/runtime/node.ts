import * as ort from "onnxruntime-node";
import { type Ort, openSession, type Runtime } from "./session.ts";

/**
 * ONNX Runtime's CPU provider in Node. Denormal numbers count as zero: Adam's second moments of latents that no longer
 * fire would otherwise slow every step down. Constant weights are not packed beforehand: packed products round otherwise,
 * and a frozen encoder must equal the training graph bit for bit.
 */
export const cpu: Runtime = {
  provider: "cpu",
  open: (model, { threads } = {}) =>
    openSession(ort as unknown as Ort, model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
      ...(threads ? { intraOpNumThreads: threads } : {}),
      extra: { session: { set_denormal_as_zero: "1", disable_prepacking: "1" } },
    }),
};
