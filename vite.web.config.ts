import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** ONNX Runtime's .wasm files under their own names, and not written: `serve` takes them from the package onnxruntime-web. */
const withoutWasm = (): Plugin => ({
  name: "without-wasm",
  generateBundle(_, bundle) {
    for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
  },
});
const output = {
  assetFileNames: ({ names }: { readonly names: readonly string[] }) =>
    names[0]?.endsWith(".wasm") ? "assets/[name][extname]" : "assets/[name]-[hash][extname]",
};

/** The page of src/web on the built library, as somebody who installed it would build it; to dist/web. */
export default defineConfig({
  root: "src/web",
  base: "./",
  plugins: [withoutWasm()],
  worker: { rolldownOptions: { output } },
  // The library's built files: its workers are found beside them.
  resolve: {
    alias: [{ find: /^\.\.\/browser\.ts$/, replacement: fileURLToPath(new URL("dist/browser.js", import.meta.url)) }],
  },
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
  },
});
