// Builds dist/single/sae-onnx.js: the browser entry with both workers inside, for pages of any origin. ONNX Runtime's .wasm files are
// fetched from where `wasmPath` says, or from beside it. Run: node singleFile.mjs, after npm run build
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** One file of JavaScript, with everything it imports; nothing is written. */
async function bundle(entry, define = {}) {
  const [{ output }] = await build({
    configFile: false,
    logLevel: "error",
    define,
    // The glue of ONNX Runtime is inside; only its .wasm is fetched, from an address that is known when it runs.
    plugins: [
      {
        name: "no-assets",
        enforce: "pre",
        transform: (code) =>
          code.replaceAll(
            /new URL\(("[^"]+\.(?:wasm|mjs)"),\s*import\.meta\.url\)/g,
            "new URL($1, self.location.href)",
          ),
      },
    ],
    build: {
      target: "es2022",
      write: false,
      rolldownOptions: { output: { codeSplitting: false }, preserveEntrySignatures: "strict" },
      lib: { entry: fileURLToPath(new URL(entry, import.meta.url)), formats: ["es"], fileName: "out" },
    },
  });
  return output[0].code;
}

const sources = { wasm: await bundle("dist/worker/wasm.js"), webgpu: await bundle("dist/worker/webgpu.js") };
const single = await bundle("dist/browser.js", { SAE_ONNX_WORKERS: JSON.stringify(sources) });
mkdirSync("dist/single", { recursive: true });
writeFileSync("dist/single/sae-onnx.js", single);
console.log(`dist/single/sae-onnx.js: ${Math.round(single.length / 1000)} kB`);
