// In Chromium, a part each: `training` trains the same TopK SAE with this project, @tensorflow/tfjs and jax-js, on WebAssembly and on WebGPU;
// `ways` trains it with this project's training graph in each way that ONNX Runtime offers; `page` measures the page (tab/page.mjs).
// Each in turn, three rounds, medians. WebGPU is SwiftShader's, which computes on the processor; `--gpu` takes the machine's own.
// Run: node bench/browser.mjs [training] [ways] [page] [--gpu] [--latents 512] [--k 20] [--rounds 3] [--only WORDS], after npm run build &&
// npm run build:page && npm run build:single
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serveFolders, startChromium } from "./tab/chromium.mjs";
import { writeInputs } from "./tab/inputs.mjs";
import { pageTimes } from "./tab/page.mjs";
import { training, ways } from "./tab/what.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gpu: { type: "boolean", default: false },
    latents: { type: "string", default: "512" },
    k: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
  },
});
const parts = positionals.length > 0 ? positionals : ["training", "ways", "page"];
const sizes = { latentDim: Number(values.latents), k: Number(values.k) };

const temporary = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));
const packages = [
  ...["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "@tensorflow/tfjs-backend-webgpu@4.22.0"],
  "@jax-js/jax@0.1.25",
];
execFileSync("npm", ["install", "--prefix", temporary, "--ignore-scripts", "--no-audit", "--no-fund", ...packages], {
  stdio: "ignore",
});
// SwiftShader takes seconds for what WebAssembly takes milliseconds.
const few = { steps: 6, epochs: 2 };
const many = { steps: 22, epochs: 6 };
await writeInputs(join(temporary, "wasm"), { ...sizes, ...many });
await writeInputs(join(temporary, "webgpu"), { ...sizes, ...(values.gpu ? many : few) });

const installed = (path) => join(temporary, "node_modules", path);
const server = await serveFolders({
  "/tab/": "bench/tab/",
  "/sae/": "dist/single/",
  "/ort/": "node_modules/onnxruntime-web/dist/",
  "/tfjs/": installed("@tensorflow/tfjs/dist/"),
  "/tfwasm/": installed("@tensorflow/tfjs-backend-wasm/dist/"),
  "/tfwebgpu/": installed("@tensorflow/tfjs-backend-webgpu/dist/"),
  "/jax/": installed("@jax-js/jax/dist/"),
  "/wasm/": join(temporary, "wasm/"),
  "/webgpu/": join(temporary, "webgpu/"),
  "/models/": join(temporary, "models/"),
  "/data/": "examples/data/",
});

/** What a function of a page's part gives in a new Chromium, and the .wasm files that were fetched for it. */
async function inTab(file, call, takes) {
  const context = await startChromium(values.gpu ? "own" : "swiftshader");
  const files = new Set();
  context.on("request", (request) => /\.wasm$/.test(request.url()) && files.add(request.url().split("/").at(-1)));
  try {
    const page = await context.newPage();
    await page.goto(server.address);
    const program = `import("/tab/${file}").then((part) => part.${call}(${JSON.stringify(takes)}))`;
    return { ...(await page.evaluate(program)), files: [...files].join() };
  } finally {
    await context.close();
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/**
 * Each entry in turn; one that fails says why, and is not tried again. `off` is how far its first epoch's loss is from that of the first
 * entry with the same rows, as a share: 3e-5 is rounding, .1 is another training.
 */
async function inTurn(entries) {
  const chosen = entries.filter(({ name }) => name.includes(values.only));
  const found = chosen.map(({ name }) => ({ name, ms: [] }));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [i, { file, takes }] of chosen.entries()) {
      const one = found[i];
      if (one.failed) continue;
      try {
        const { ms, ...rest } = await inTab(file, "train", takes);
        Object.assign(one, rest).ms.push(ms);
      } catch (error) {
        one.failed = error.message.split("\n")[0];
      }
      console.error(JSON.stringify(one));
    }
  return found.map(({ ms, ...one }, i) => {
    if (one.failed) return one;
    const same = chosen.findIndex(({ takes }) => takes.folder === chosen[i].takes.folder);
    const off = Math.abs(one.loss / found[same].loss - 1);
    return { ...one, off, ms: median(ms), all: ms.map((each) => each.toFixed(1)).join() };
  });
}

const run = {
  training: () => inTurn(training),
  ways: () => inTurn(ways),
  page: () => pageTimes(inTab, temporary),
};
try {
  const { adapter } = await inTab("adapter.js", "adapter", {});
  const result = { ...sizes, adapter, load: loadavg()[0] };
  for (const part of parts) result[part] = await run[part]();
  console.log(JSON.stringify({ ...result, load_after: loadavg()[0] }, null, 1));
} finally {
  server.close();
}
