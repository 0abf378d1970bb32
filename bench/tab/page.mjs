// The page: rows a second that a tab evaluates, beside Node's CPU, and how long its first metric takes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  cpu,
  encodeModel,
  evaluateOn,
  freeze,
  readActivations,
  splitRows,
  takeRows,
  trainConfig,
  trainOn,
} from "sae-onnx";
import { startChromium } from "./chromium.mjs";

const embedded = "examples/data/use-lite-resid0-pos3.safetensors";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Of one 512 x 2048 autoencoder, k 20, over all embedded rows. */
export async function pageTimes(inTab, folder) {
  const set = await readActivations(embedded);
  const split = splitRows(set);
  const data = {
    train: takeRows(set.activations, split.train),
    validation: takeRows(set.activations, split.validation),
  };
  const config = trainConfig({ inputDim: 512, latentDim: 2048, options: { k: 20 }, epochs: 1 });
  const { state } = await trainOn(cpu, config, data.train, { threads: 2 });
  const about = { epochsDone: 1, loss: [0], dataDigest: "", layer: null, position: null, metrics: {} };
  const model = freeze({ config, tensors: state, ...about }, "autoencoder");
  const models = join(folder, "models");
  mkdirSync(models);
  writeFileSync(join(models, "large.autoencoder.onnx"), encodeModel(model));

  const rows = set.activations.dims[0];
  const perSecond = (times) => Math.round((1000 * rows) / median(times));
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await evaluateOn(cpu, model, data, { threads: 2 });
    times.push(performance.now() - start);
  }
  const tab = perSecond((await inTab("evaluate.js", "evaluate", {})).times);
  const node = perSecond(times);
  const firstMetric = await firstMetricMs(models);
  return { tab_rows_per_s: tab, node_rows_per_s: node, share: tab / node, first_metric_ms: firstMetric };
}

/** Milliseconds from asking for a model's metrics to the first on the screen, in a page just loaded, on WebAssembly. */
async function firstMetricMs(models) {
  const context = await startChromium("none");
  const flags = ["serve", "--models", models, "--data", embedded, "--port", "0"];
  const serve = spawn(process.execPath, ["dist/cli/main.js", ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  const [url] = await once(serve.stdout, "data");
  const times = [];
  for (let i = 0; i < 3; i++) {
    const page = await context.newPage();
    await page.goto(String(url).trim());
    await page.locator("#evaluate-models input").first().waitFor({ state: "attached" });
    await page.click("#tab-evaluate");
    const start = performance.now();
    await page.click("#evaluate-run");
    await page.locator("#evaluate-result td").first().waitFor();
    times.push(Math.round(performance.now() - start));
    await page.close();
  }
  serve.kill();
  await context.close();
  return median(times);
}
