import type { env } from "onnxruntime-common";
import { type Ort, openSession, type Runtime } from "./session.ts";

/** What a build of onnxruntime-web for browsers brings: `onnxruntime-web/wasm` or `onnxruntime-web/webgpu`. */
export interface BrowserOrt extends Ort {
  readonly env: typeof env;
}

/** How ONNX Runtime is set up in a browser; holds for everything this thread opens. */
export interface BrowserSettings {
  /** Folder (ending in `/`) its .wasm and .mjs files are fetched from; default: where the bundler put them. */
  readonly wasmPath?: string | undefined;
  /** Threads inside an op; without cross-origin isolation there is one. */
  readonly threads?: number | undefined;
}

/** ONNX Runtime's WebAssembly build in a browser: many threads where the page is cross-origin isolated, else one. */
export function browserWasm(ort: BrowserOrt, settings: BrowserSettings): Runtime {
  const threads = setUp(ort, settings);
  return {
    provider: "wasm",
    open: (model) => openSession(ort, model, { executionProviders: ["wasm"], ...common, intraOpNumThreads: threads }),
  };
}

/** WebGPU in a browser; a node it cannot run is an error, nothing is moved to the CPU unasked. */
export function browserWebgpu(ort: BrowserOrt, settings: BrowserSettings): Runtime {
  setUp(ort, settings);
  return {
    provider: "webgpu",
    open: (model) =>
      openSession(ort, model, {
        executionProviders: ["webgpu"],
        ...common,
        extra: { session: { disable_cpu_ep_fallback: "1" } },
      }),
  };
}

const common = { graphOptimizationLevel: "all", logSeverityLevel: 4 } as const;

/** Threads of WebAssembly need memory that workers share, which browsers give to cross-origin isolated pages only. */
export const mostThreads = (): number =>
  globalThis.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;

function setUp({ env }: BrowserOrt, { wasmPath, threads = mostThreads() }: BrowserSettings): number {
  const usable = Math.min(threads, globalThis.crossOriginIsolated ? threads : 1);
  env.wasm.numThreads = usable;
  env.logLevel = "fatal";
  if (wasmPath !== undefined) env.wasm.wasmPaths = wasmPath;
  return usable;
}
