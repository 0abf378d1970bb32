import * as ort from "onnxruntime-web";
import { type Ort, openSession, type Runtime } from "./session.ts";

/**
 * ONNX Runtime's WebAssembly build: in a browser, and in plain Node too. The first session's `threads` hold for all: the
 * module starts once.
 */
export const wasm: Runtime = {
  provider: "wasm",
  open: (model, { threads } = {}) => {
    if (threads) ort.env.wasm.numThreads = threads;
    return openSession(ort as unknown as Ort, model, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
    });
  },
};
