/** @file The library in a browser: all of index.ts, and ONNX Runtime's WebAssembly and WebGPU. */
export * from "./index.ts";
export { wasm, webgpu } from "./runtime/webgpu.ts";
