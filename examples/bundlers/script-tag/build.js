import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// No bundler: the single file of sae-onnx, ONNX Runtime's two beside it, and the page's own.
mkdirSync(here("lib"), { recursive: true });
for (const name of [
  "sae-onnx/single",
  "onnxruntime-web/ort-wasm-simd-threaded.wasm",
  "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm",
])
  copyFileSync(
    fileURLToPath(import.meta.resolve(name)),
    here(`lib/${name.endsWith(".wasm") ? name.split("/")[1] : "sae-onnx.js"}`),
  );
for (const name of ["page.js", "show.js"]) copyFileSync(here(`../${name}`), here(`lib/${name}`));
