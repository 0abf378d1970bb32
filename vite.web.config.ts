import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** The page of src/web on the built library, as somebody who installed it would build it; to dist/web. */
export default defineConfig({
  root: "src/web",
  base: "./",
  // The library's built files: its workers are found beside them.
  resolve: {
    alias: [{ find: /^\.\.\/browser\.ts$/, replacement: fileURLToPath(new URL("dist/browser.js", import.meta.url)) }],
  },
  build: { outDir: "../../dist/web", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 2000 },
});
