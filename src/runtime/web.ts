import * as ort from "onnxruntime-web";
import { wasmOf } from "./onWeb.ts";

/** WebAssembly in plain Node, where only the bare package name loads. worker/wasm.ts is for browsers. */
export const wasm = wasmOf(ort);
