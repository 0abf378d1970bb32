/** @file The worker that computes on WebGPU. */
import * as ort from "onnxruntime-web/webgpu";
import { setUp } from "../runtime/browser.ts";
import { webgpuOf } from "../runtime/onWeb.ts";
import { serve } from "./service.ts";

if (!self.name.startsWith("em-pthread"))
  serve((settings) => {
    setUp(ort.env as never, "ort-wasm-simd-threaded.asyncify.wasm", settings);
    return webgpuOf(ort);
  });
