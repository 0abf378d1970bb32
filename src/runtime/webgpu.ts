import * as ort from "onnxruntime-web/webgpu";
import { wasmOf, webgpuOf } from "./onWeb.ts";

/** WebAssembly and WebGPU in a browser, of one and the same module. */
export const wasm = wasmOf(ort);
export const webgpu = webgpuOf(ort);
