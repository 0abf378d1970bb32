// In Chromium: how long the page's thread is held up while an SAE of many latents is explored on many rows: opened, scrolled, searched, gone
// through by arrows, its latents and rows opened. For each the longest gap between two frames and the longest task, in milliseconds.
// Run: node bench/pageFrames.mjs [latents] [rows] [rounds], after npm run build && npm run build:page
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { encodeModel, freeze, tensor, trainConfig } from "sae-onnx";
import { writeSafetensors } from "../dist/data/safetensors.js";

const [latentDim = 16_384, rows = 100_000, rounds = 3] = process.argv.slice(2).map(Number);
const inputDim = 64;
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-frames-"));

/** Numbers that look random, and are the same each time. */
let state = 1;
const next = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
};
const matrix = (...dims) => tensor("float32", dims, Float32Array.from({ length: dims.reduce((a, b) => a * b) }, next));
const words = Array.from({ length: 3000 }, (_, i) => `word${i}`);
const text = () => Array.from({ length: 12 }, () => words[Math.floor(((next() + 1) / 2) ** 2 * 2999)]).join(" ");
const W = matrix(latentDim, inputDim);
const config = trainConfig({ inputDim, latentDim, architecture: "topk-relu", options: { k: 32 } });
const tensors = { W_enc: W, W_dec: W, b_enc: tensor("float32", [latentDim], new Float32Array(latentDim)) };
if (config.architecture !== "topk") tensors.b_dec = tensor("float32", [inputDim], new Float32Array(inputDim));
const about = { epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null, metrics: {} };
writeFileSync(
  join(folder, "large.autoencoder.onnx"),
  encodeModel(freeze({ config, tensors, ...about }, "autoencoder")),
);
writeFileSync(join(folder, "rows.safetensors"), writeSafetensors({ activations: matrix(rows, inputDim) }));
writeFileSync(
  join(folder, "rows.labels.jsonl"),
  Array.from({ length: rows }, () => `${JSON.stringify({ text: text() })}\n`).join(""),
);

const server = spawn(
  process.execPath,
  ["dist/cli/main.js", "serve", "--models", folder, "--data", join(folder, "rows.safetensors"), "--port", "0"],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const [first] = await once(server.stdout, "data");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(400_000);
await page.addInitScript(() => {
  const seen = { gap: 0, task: 0 };
  globalThis.since = () => {
    const now = { ...seen };
    [seen.gap, seen.task] = [0, 0];
    return now;
  };
  let last = performance.now();
  const frame = (now) => {
    seen.gap = Math.max(seen.gap, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.task = Math.max(seen.task, duration);
  }).observe({ type: "longtask", buffered: true });
});
await page.goto(first.toString().trim());
await page.locator("#panel h2").waitFor();

const opened = () =>
  page
    .locator("#explore-said")
    .filter({ hasText: /^large on .* latents fire in/ })
    .waitFor();
const press = async (key, times) => {
  for (let i = 0; i < times; i++) await page.keyboard.press(key);
};
const acts = {
  async scroll() {
    await page.locator("#list").hover();
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, i % 10 === 9 ? 40_000 : 700);
      await page.waitForTimeout(16);
    }
  },
  async arrows() {
    await page.focus("#list");
    await press("Home", 1);
    await press("ArrowDown", 60);
    await press("PageDown", 20);
    await press("End", 1);
  },
  async order() {
    for (const by of ["rare", "largest", "index", "frequency"]) {
      await page.selectOption("#sort", by);
      await page.waitForTimeout(100);
    }
  },
  async search() {
    for (const words of ["word7", "word1", "word12 word3", "word"]) {
      await page.fill("#words", words);
      await page
        .locator("#count")
        .filter({ hasText: `“${words}”` })
        .waitFor();
      await page.waitForTimeout(300);
    }
    await page.fill("#words", "");
    await page.waitForTimeout(400);
  },
  async latents() {
    for (let i = 1; i < 9; i++) {
      const row = page.locator("#rows a").nth(i);
      const latent = await row.locator("> b").textContent();
      await row.click();
      await page
        .locator("#panel h2")
        .filter({ hasText: `Latent ${latent}` })
        .waitFor();
    }
  },
  async rows() {
    for (let i = 0; i < 5; i++) {
      await page.fill("#read", String(1000 * i + 17));
      await page.press("#read", "Enter");
      await page
        .locator("#panel h2")
        .filter({ hasText: `Row ${1000 * i + 17}` })
        .waitFor();
    }
  },
};
const worst = {};
const load = [];
const note = (name, { gap, task }) => {
  const [a, b] = worst[name] ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  worst[name] = [Math.min(a, Math.round(gap)), Math.min(b, Math.round(task))];
};
await page.evaluate(() => globalThis.since());
await page.selectOption("#model", "large.autoencoder.onnx");
await opened();
await page
  .locator("#panel h2")
  .filter({ hasText: /^Latent/ })
  .waitFor();
note("open", await page.evaluate(() => globalThis.since()));
for (let round = 0; round < rounds; round++) {
  load.push(loadavg()[0].toFixed(1));
  for (const [name, act] of Object.entries(acts)) {
    await page.waitForTimeout(200);
    await page.evaluate(() => globalThis.since());
    await act();
    await page.waitForTimeout(150);
    note(name, await page.evaluate(() => globalThis.since()));
  }
}
const alive = await page.locator("#explore-said").textContent();
console.log(
  JSON.stringify({ latentDim, rows, alive, "longest gap, longest task (ms), best of rounds": worst, load }, null, 1),
);
await browser.close();
server.kill();
rmSync(folder, { recursive: true });
