// The whole loop with the text encoder, from texts to a latent pushed, step by step: by the command line in Node, and in the page in Chromium on
// WebAssembly. 100,000 tokens of one layer, an SAE of 2,304 latents, four epochs. Needs `npm run build`, `npm run build:page` and
// `npm ci --prefix examples/text-encoder`, and a machine that does nothing else:
// node bench/loop.mjs [node,tab] [texts]
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { glosses } from "../examples/text-encoder/texts.mjs";

const where = (process.argv[2] ?? "node,tab").split(",");
const count = Number(process.argv[3] ?? 4850);
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));
const at = (...parts) => join(folder, ...parts);
const run = (...words) =>
  execFileSync(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
const verb = (...words) => run("dist/cli/main.js", ...words);

/** Does the steps of a loop, one after another, and says how long each took. */
async function timed(name, steps) {
  const begun = performance.now();
  const parts = [];
  for (const [step, work] of Object.entries(steps)) {
    const start = performance.now();
    await work();
    parts.push(`${step} ${((performance.now() - start) / 1000).toFixed(1)}`);
  }
  console.log(`${name}: ${parts.join(", ")}; all ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

async function inNode() {
  const texts = await glosses();
  writeFileSync(at("texts.txt"), texts.slice(0, count).join("\n"));
  writeFileSync(at("measured.txt"), texts.slice(count, count + 200).join("\n"));
  const model = at("use-lite.onnx");
  const sae = at("sae", "sae_d2304_k32.autoencoder.onnx");
  const kind = [
    "--architecture",
    "topk-relu",
    "--preset",
    "recommended",
    "--latent-dim",
    "2304",
    "--k",
    "32",
    "--epochs",
    "4",
  ];
  await timed("Node", {
    harvest: () =>
      verb("harvest", "--model", model, "--at", "blocks.1", "--text", at("texts.txt"), "--out", at("acts")),
    train: () => verb("train", "--data", at("acts"), ...kind, "--out", at("sae")),
    features: () => verb("features", sae, "--data", at("acts"), "--out", at("features")),
    effect: () =>
      verb("effect", sae, "--model", model, "--text", at("measured.txt"), "--steer", "7:20", "--controls", "3"),
  });
}

async function inTab() {
  const serve = spawn(process.execPath, ["dist/cli/main.js", "serve", "--models", folder, "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [url] = await once(serve.stdout, "data");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox"],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(400_000);
  await page.goto(String(url).trim());
  const said = (id, words) => page.locator(`#${id}-said`).filter({ hasText: words }).waitFor({ state: "attached" });
  await page.click("#tab-train");
  await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
  await timed("Chromium", {
    model: async () => {
      await page.setInputFiles("#file", [at("use-lite.onnx"), at("tokenizer.json")]);
      await page.locator("#harvest-at option").first().waitFor({ state: "attached" });
    },
    harvest: async () => {
      await page.selectOption("#harvest-at", "blocks.1");
      await page.fill("#harvest-count", String(count));
      await page.getByRole("button", { name: "Read them" }).click();
      await said("harvest", /they are chosen/);
    },
    train: async () => {
      await page.selectOption("#train-architecture", "topk-relu");
      await page.selectOption("#train-preset", "recommended");
      for (const [id, value] of Object.entries({ latents: 2304, k: 32, epochs: 4 }))
        await page.fill(`#train-${id}`, String(value));
      await page.click("#train-start");
      await said("train", /is done on/);
    },
    explore: async () => {
      await page.click("#train-result a.primary");
      await said("explore", /latents fire in/);
      await page
        .locator("#panel h2")
        .filter({ hasText: /^Latent/ })
        .waitFor();
    },
    push: async () => {
      await page.locator("#push-text").waitFor();
      await page.getByRole("button", { name: "Push it" }).click();
      await said("push", /^compared with/);
    },
  });
  await browser.close();
  serve.kill();
}

try {
  run("examples/text-encoder/build.mjs", "--out", at("use-lite.onnx"));
  if (where.includes("node")) await inNode();
  if (where.includes("tab")) await inTab();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
