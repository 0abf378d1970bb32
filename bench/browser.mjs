// In Chromium, on WebAssembly: trains the same TopK SAE with this project and with @tensorflow/tfjs (its wasm backend), in turn, evaluates one
// 512 x 2048 autoencoder over all embedded rows beside Node's CPU, and times the page's first metric. Medians of three.
// Run: node bench/browser.mjs [latentDim] [k] [steps], after npm run build && npm run build:page && npm run build:single
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
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

const [latentDim = 1024, k = 20, steps = 24] = process.argv.slice(2).map(Number);
const temporary = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));
const packages = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"];
execFileSync("npm", ["install", "--prefix", temporary, "--ignore-scripts", "--no-audit", "--no-fund", ...packages], {
  stdio: "ignore",
});

const roots = {
  "/sae/": "dist/single/",
  "/ort/": "node_modules/onnxruntime-web/dist/",
  "/tfjs/": join(temporary, "node_modules/@tensorflow/tfjs/dist/"),
  "/tfwasm/": join(temporary, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"),
  "/data/": "examples/data/",
};
const types = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
const server = createServer(({ url }, response) => {
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const root = Object.keys(roots).find((one) => url.startsWith(one));
  const path = root && join(roots[root], url.slice(root.length).replaceAll("..", ""));
  if (path && existsSync(path)) {
    response.writeHead(200, {
      ...headers,
      "Content-Type": types[path.split(".").at(-1)] ?? "application/octet-stream",
    });
    createReadStream(path).pipe(response);
  } else
    response
      .writeHead(url === "/" ? 200 : 404, { ...headers, "Content-Type": "text/html" })
      .end("<!doctype html><title>bench</title>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;
const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "sae-onnx-chromium-")), {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});

/** This project in the tab: milliseconds a step, the first losses, and an evaluation of 512 x 2048. */
const ours = `async ({ latentDim, k, threads }) => {
  const sae = await import("/sae/sae-onnx.js");
  const worker = await sae.SaeWorker.start({ provider: "wasm", wasmPath: "/ort/", threads });
  const file = await (await fetch("/data/use-lite-resid0-pos3.safetensors")).blob();
  const data = await worker.call("read", { name: "use.safetensors", file });
  const config = sae.trainConfig({ inputDim: 512, latentDim, options: { k }, epochs: 3 });
  const seconds = [];
  const trained = await worker.call("train", { data: data.id, config }, (news) => seconds.push(news.seconds));
  // The first epoch starts the session.
  const ms = (1000 * (seconds.at(-1) - seconds[0])) / (seconds.length - 1) / 24;
  const large = sae.trainConfig({ inputDim: 512, latentDim: 2048, options: { k: 20 }, epochs: 1 });
  const state = (await worker.call("train", { data: data.id, config: large })).state;
  const about = { epochsDone: 1, loss: [0], dataDigest: "", layer: null, position: null, metrics: {} };
  const bytes = sae.encodeModel(sae.freeze({ config: large, tensors: state, ...about }, "autoencoder"));
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await worker.call("evaluate", { data: data.id, model: { name: "large", bytes } });
    times.push(performance.now() - start);
  }
  return { ms, loss: trained.loss, rows_per_s: Math.round(7473000 / times.sort((a, b) => a - b)[1]), threads: worker.threads };
}`;

/** The same SAE in TensorFlow.js: kept by a threshold, as its TopK has no gradient; Adam of its own; rows renormalised. */
const theirs = `async ({ latentDim, k, steps }) => {
  const script = (src) => new Promise((resolve, reject) => document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject })));
  await script("/tfjs/tf.min.js");
  await script("/tfwasm/tf-backend-wasm.min.js");
  tf.wasm.setWasmPaths("/tfwasm/");
  tf.wasm.setThreadsCount(2);
  await tf.setBackend("wasm");
  const uniform = (shape, fanIn) => tf.randomUniform(shape, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
  const unit = (w) => w.div(w.square().sum(1, true).sqrt());
  const W_enc = tf.variable(uniform([latentDim, 512], 512)), b_enc = tf.variable(uniform([latentDim], 512));
  const W_dec = tf.variable(tf.tidy(() => unit(uniform([latentDim, 512], latentDim))));
  const adam = tf.train.adam(1e-3);
  const keep = tf.customGrad((pre, save) => {
    const size = tf.abs(pre);
    const kth = tf.topk(size, k).values.slice([0, k - 1], [256, 1]);
    const mask = tf.cast(tf.greaterEqual(size, kth), "float32");
    save([mask]);
    return { value: pre.mul(mask), gradFunc: (dy, [mask]) => dy.mul(mask) };
  });
  const rows = tf.randomNormal([256 * 8, 512]);
  const times = [];
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    tf.tidy(() => {
      const x = rows.slice([256 * (step % 8), 0], [256, 512]);
      adam.minimize(() => {
        const pre = tf.matMul(x, W_enc, false, true).add(b_enc);
        const z = keep(pre);
        return tf.mean(tf.square(tf.sub(x, tf.matMul(z, W_dec))));
      });
      W_dec.assign(unit(W_dec));
    });
    await W_dec.slice([0, 0], [1, 1]).data();
    times.push(performance.now() - start);
  }
  const sorted = times.slice(4).sort((a, b) => a - b);
  return { ms: sorted[Math.floor(sorted.length / 2)], backend: tf.getBackend(), threads: tf.wasm.getThreadsCount() };
}`;

async function inTab(program, threads = 2) {
  const page = await context.newPage();
  await page.goto(address);
  try {
    return await page.evaluate(`(${program})(${JSON.stringify({ latentDim, k, steps, threads })})`);
  } finally {
    await page.close();
  }
}

/** Milliseconds from asking for a model's metrics to the first on the screen, in a page just loaded; three times. */
async function firstMetricMs(bytes) {
  const models = join(temporary, "models");
  mkdirSync(models);
  writeFileSync(join(models, "large.autoencoder.onnx"), bytes);
  const flags = ["serve", "--models", models, "--port", "0"];
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
  return times.sort((a, b) => a - b)[1];
}

try {
  const tab = await inTab(ours);
  const oneThread = await inTab(ours, 1);
  const tfjs = await inTab(theirs);
  const set = await readActivations("examples/data/use-lite-resid0-pos3.safetensors");
  const split = splitRows(set);
  const data = {
    train: takeRows(set.activations, split.train),
    validation: takeRows(set.activations, split.validation),
  };
  const large = trainConfig({ inputDim: 512, latentDim: 2048, options: { k: 20 }, epochs: 1 });
  const { state } = await trainOn(cpu, large, data.train, { threads: 2 });
  const about = { epochsDone: 1, loss: [0], dataDigest: "", layer: null, position: null, metrics: {} };
  const model = freeze({ config: large, tensors: state, ...about }, "autoencoder");
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await evaluateOn(cpu, model, data, { threads: 2 });
    times.push(performance.now() - start);
  }
  const node = Math.round(7473000 / times.sort((a, b) => a - b)[1]);
  const firstMetric = await firstMetricMs(encodeModel(model));
  const result = {
    ...{ latentDim, k, tab, tab_one_thread_ms: oneThread.ms, tfjs },
    // TensorFlow.js says how many threads it took: it is compared with as many.
    training_ratio: tfjs.ms / (tfjs.threads > 1 ? tab : oneThread).ms,
    node_rows_per_s: node,
    evaluation_share: tab.rows_per_s / node,
    first_metric_ms: firstMetric,
  };
  console.log(JSON.stringify(result, null, 1));
} finally {
  await context.close();
  server.close();
}
