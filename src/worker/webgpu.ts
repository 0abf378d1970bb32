/** @file The worker that computes on WebGPU. */
import * as ort from "onnxruntime-web/webgpu";
import { type BrowserOrt, browserWebgpu } from "../runtime/browser.ts";
import { serve } from "./service.ts";

if (!self.name.startsWith("em-pthread")) serve((settings) => browserWebgpu(ort as unknown as BrowserOrt, settings));
