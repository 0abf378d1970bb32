/** @file The worker that computes on WebAssembly. Without imports at run time, so that bundlers can make one file of it. */
import * as ort from "onnxruntime-web/wasm";
import { setUp } from "../runtime/browser.ts";
import { wasmOf } from "../runtime/onWeb.ts";
import { serve } from "./service.ts";

// ONNX Runtime starts its threads from this same file, under names of their own.
if (!self.name.startsWith("em-pthread"))
  serve((settings) => {
    setUp(ort.env as never, "ort-wasm-simd-threaded.wasm", settings);
    return wasmOf(ort);
  });
