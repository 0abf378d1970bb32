/** How ONNX Runtime is set up in a browser. It holds for every session of this thread. */
export interface BrowserSettings {
  /** Folder (ending in `/`) its .wasm file is fetched from; default: where the bundler put it. */
  readonly wasmPath?: string | undefined;
  /** Threads inside an op; without cross-origin isolation there is one. */
  readonly threads?: number | undefined;
}

/** The environment of onnxruntime-web's entries for browsers. */
interface Environment {
  logLevel?: "verbose" | "info" | "warning" | "error" | "fatal" | undefined;
  readonly wasm: { numThreads?: number; wasmPaths?: unknown };
}

/** Threads of WebAssembly need shared memory, which browsers give only to cross-origin isolated pages. */
export const mostThreads = (): number =>
  globalThis.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;

/** Sets ONNX Runtime up, before its first session. `file` is the name of its .wasm file; the script that belongs to it is bundled with it. */
export function setUp(env: Environment, file: string, { wasmPath, threads = mostThreads() }: BrowserSettings): void {
  env.wasm.numThreads = globalThis.crossOriginIsolated ? threads : 1;
  env.logLevel = "fatal";
  if (wasmPath !== undefined) env.wasm.wasmPaths = { wasm: `${wasmPath}${file}` };
}
