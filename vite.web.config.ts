import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** ONNX Runtime's .wasm files under their own names, and not written: `serve` takes them from the package onnxruntime-web. */
const withoutWasm = (): Plugin => ({
  name: "without-wasm",
  generateBundle(_, bundle) {
    for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
  },
});
/** npm puts a package into several folders where others need another version of it: of equal ones the page takes one. */
const oneOfEach = (): Plugin => {
  const chosen = new Map<string, string>();
  return {
    name: "one-of-each",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!/^[a-z]/.test(source) || !importer) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      const [, folder, file] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)(\/.*)$/.exec(found?.id ?? "") ?? [];
      if (!folder || !existsSync(`${folder}/package.json`)) return null;
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
      const first = chosen.get(`${name}@${version}`) ?? folder;
      chosen.set(`${name}@${version}`, first);
      return first === folder ? null : first + file;
    },
  };
};
/** The report's look, in the page before its script: it is painted at once. */
const reportStyle = (): Plugin => ({
  name: "report-style",
  async transformIndexHtml(html) {
    const [{ style }, { latentStyle }] = await Promise.all(
      ["dist/report/style.js", "dist/features/explorer/style.js"].map(
        (file) => import(new URL(file, import.meta.url).href),
      ),
    );
    return html.replace("</title>", `</title>\n<style>${style}${latentStyle}</style>`);
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
  plugins: [oneOfEach(), withoutWasm(), reportStyle()],
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
