// Memory of a process that opens 1,000 training sessions, one after another, and releases each: the graph of an SAE, one epoch on some
// rows, the state taken out. Draws sessions_memory.svg. After npm run build: node --expose-gc bench/sessions.mjs [sessions]
import { writeFileSync } from "node:fs";
import { cpu, tensor, trainConfig, trainOn } from "sae-onnx";
import { renderSvg } from "../dist/report/render.js";
import { betweenRuns } from "../dist/train/runs/betweenRuns.js";
import { memoryFigure } from "./figure.mjs";

const sessions = Number(process.argv[2] ?? 1000);
const [rows, inputDim] = [512, 64];
const x = tensor(
  "float32",
  [rows, inputDim],
  Float32Array.from({ length: rows * inputDim }, () => Math.random() - 0.5),
);
const samples = [];
for (let i = 1; i <= sessions; i++) {
  // No two in a row of one size: what one leaves does not fit the next.
  const config = trainConfig({
    inputDim,
    latentDim: 256 + 16 * (i % 16),
    options: { k: 8 },
    epochs: 1,
    batchSize: 128,
  });
  await trainOn(cpu, config, x, { threads: 1 });
  await betweenRuns(config);
  if (i % 10 === 0) {
    global.gc?.();
    samples.push({ count: i, of: "the process", megabytes: process.memoryUsage.rss() / 1e6 });
  }
}
const at = (count) => samples.find((one) => one.count >= count)?.megabytes.toFixed(0);
console.log([100, 500, 1000].map((count) => `${at(count)} MB after ${count} sessions`).join(", "));
const title = "Memory of a process that opens 1,000 training sessions";
const spec = memoryFigure(title, "sessions opened and released", samples);
if (sessions >= 1000) writeFileSync("bench/sessions_memory.svg", `${await renderSvg(spec)}\n`);
