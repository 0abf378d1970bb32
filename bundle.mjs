// Makes single files of what browsers load, and copies what is no TypeScript: node bundle.mjs workers|single, after tsc.
//   workers  dist/worker/{wasm,webgpu}.js with all they import but onnxruntime-web, which a page's own bundler puts beside its .wasm
//            files: a development server may serve them as they are. Declarations that no entry of the package reaches go.
//   single   dist/single/sae-onnx.js: the browser entry with both workers inside, for pages of any origin. ONNX Runtime's .wasm files are
//            fetched from where `wasmPath` says, or from beside it.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** One file of JavaScript, with everything it imports but what is `external`; nothing is written. */
async function bundle(entry, { define = {}, external = [] } = {}) {
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
      rolldownOptions: { external, output: { codeSplitting: false, minify: true }, preserveEntrySignatures: "strict" },
      lib: { entry: fileURLToPath(new URL(entry, import.meta.url)), formats: ["es"], fileName: "out" },
    },
  });
  return output[0].code;
}

/** The declarations that an entry of package.json reaches, over everything they import from this package. */
function reachedDeclarations() {
  const reached = new Set();
  const follow = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, to] of readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)\.[jt]s"/g))
      follow(join(file, "..", `${to}.d.ts`));
  };
  for (const entry of Object.values(JSON.parse(readFileSync("package.json", "utf8")).exports))
    for (const { types } of [entry, entry.browser ?? {}, entry.default ?? {}]) if (types) follow(join(types));
  return reached;
}

const providers = ["wasm", "webgpu"];
if (process.argv[2] === "workers") {
  for (const name of providers) {
    const file = `dist/worker/${name}.js`;
    writeFileSync(file, await bundle(file, { external: [/^onnxruntime-web/] }));
  }
  // What tsc leaves behind: files that the package reads beside its code.
  for (const folder of ["pipeline/conformance"])
    for (const name of readdirSync(`src/${folder}`).filter((one) => !one.endsWith(".ts")))
      copyFileSync(`src/${folder}/${name}`, `dist/${folder}/${name}`);
  // tsc writes it with a line for each word.
  const list = "dist/formats/releases.json";
  writeFileSync(list, JSON.stringify(JSON.parse(readFileSync(list, "utf8"))));
  const reached = reachedDeclarations();
  for (const name of readdirSync("dist", { recursive: true }))
    if (name.endsWith(".d.ts") && !reached.has(join("dist", name))) rmSync(join("dist", name));
} else {
  const sources = {};
  for (const name of providers) sources[name] = await bundle(`dist/worker/${name}.js`);
  const single = await bundle("dist/browser.js", { define: { SAE_ONNX_WORKERS: JSON.stringify(sources) } });
  mkdirSync("dist/single", { recursive: true });
  writeFileSync("dist/single/sae-onnx.js", single);
  // Not to stdout, where `npm pack --json` prints.
  console.error(`dist/single/sae-onnx.js: ${Math.round(single.length / 1000)} kB`);
}
