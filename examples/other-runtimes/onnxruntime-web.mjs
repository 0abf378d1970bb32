// onnxruntime-web's WebAssembly, in Node; in a page the calls are the same.
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { loadWith } from "./ort.mjs";
import { serve } from "./serve.mjs";

await serve(() => ({ name: `onnxruntime-web ${ort.env.versions.web}`, load: loadWith(ort, readFile) }));
