import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// esbuild does not follow `new Worker(new URL(...))`: the two workers are entries of their own, written beside the page's.
await build({
  entryPoints: { main: here("main.js"), wasm: "sae-onnx/worker/wasm", webgpu: "sae-onnx/worker/webgpu" },
  bundle: true,
  format: "esm",
  target: "es2022",
  outdir: here("dist"),
});
// Nor does it copy ONNX Runtime's files: the workers fetch them from beside themselves.
for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"])
  copyFileSync(fileURLToPath(import.meta.resolve(`onnxruntime-web/${name}`)), here(`dist/${name}`));
