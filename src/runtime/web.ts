import * as ort from "onnxruntime-web";
import { wasmOf } from "./onWeb.ts";

/** WebAssembly in plain Node, where only the bare package name loads; runtime/webgpu.ts is for browsers. */
export const wasm = wasmOf(ort);
