/** @file The library in a browser: all of index.ts, and ONNX Runtime's WebAssembly build. */
export * from "./index.ts";
export { wasm } from "./runtime/web.ts";
