// Measures how a step scales in every direction, each point in a process of its own; writes scale.json and the figures scale_*.svg.
// Run on a machine that does nothing else: npm run -s build && node bench/scale.mjs [latent_dim] [input_dim] [k] [rows]
// Without a name every direction is measured; with some, the others keep what an earlier call found. `none` only draws.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { renderSvg } from "../dist/report/render.js";
import { scaleFigure } from "./figure.mjs";
import { runWithPeak } from "./peak.mjs";

const cli = "dist/cli/main.js";
const folder = "bench/data/scale";
const python = "/usr/bin/python3";
const hasTorch = spawnSync(python, ["-c", "import torch"]).status === 0;
const node = (...args) => execFileSync("node", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** One point of a step's curves, and PyTorch's where it is asked for; on synthetic rows of this width. */
function step({ input_dim, latent_dim, k, torch = false }) {
  const data = `${folder}/acts.safetensors`;
  node(cli, "synth", "--quiet", "--force", "--rows", "6400", "--input-dim", String(input_dim), "--out", data);
  const ours = JSON.parse(node("--expose-gc", "bench/scale_one.mjs", data, String(latent_dim), String(k)));
  const sizes = ["--latent-dim", latent_dim, "--k", k, "--epochs", 2, "--threads", cpus().length].map(String);
  const script = ["bench/train_topk.py", "--data", data, "--train-rows", "5120", ...sizes];
  const torch_ms_per_step =
    torch && hasTorch ? JSON.parse(execFileSync(python, script, { encoding: "utf8" })).ms_per_step : null;
  const state_mb = Math.round((3 * 4 * latent_dim * (2 * input_dim + 1)) / 2 ** 20);
  return { input_dim, latent_dim, k, ...ours, state_mb, torch_ms_per_step };
}

const shardRows = 100_000;

/**
 * One epoch of `train` from start to end on so many rows in float16 shards: read twice, trained, measured, written. Beyond a million the
 * same shards come again, under other names.
 */
async function epoch({ rows }) {
  const [input_dim, latent_dim, k] = [64, 256, 8];
  const data = `${folder}/shards`;
  const made = Math.min(rows, 10 * shardRows);
  const shape = [
    "--rows",
    made,
    "--input-dim",
    input_dim,
    "--shards",
    Math.ceil(made / shardRows),
    "--dtype",
    "float16",
  ];
  rmSync(data, { recursive: true, force: true });
  node(cli, "synth", "--quiet", ...shape.map(String), "--out", data);
  const shards = readdirSync(data).filter((name) => name.endsWith(".safetensors"));
  for (let copy = 1; copy < rows / made; copy++)
    for (const name of shards) linkSync(`${data}/${name}`, `${data}/${copy}-${name}`);
  const sizes = ["--latent-dim", latent_dim, "--k", k, "--epochs", 1, "--batch-size", 1024, "--threads", 1].map(String);
  const run = ["train", "--quiet", "--json", "--force", "--data", data, ...sizes, "--out", `${folder}/out`];
  const { stdout, seconds, peaks_mb } = await runWithPeak("node", [cli, ...run]);
  const train_seconds = JSON.parse(stdout).rows.at(-1).train_time_sec;
  return { rows, input_dim, latent_dim, k, seconds, train_seconds, peaks_mb };
}

const directions = {
  latent_dim: {
    measure: step,
    points: [512, 1024, 2048, 4096, 8192, 16384, 32768].map((latent_dim) => ({
      ...{ input_dim: 512, latent_dim, k: 32 },
      torch: [512, 4096, 16384].includes(latent_dim),
    })),
  },
  input_dim: {
    measure: step,
    points: [256, 512, 1024, 2048, 4096].map((input_dim) => ({
      ...{ input_dim, latent_dim: 2048, k: 32 },
      torch: [256, 1024, 4096].includes(input_dim),
    })),
  },
  k: {
    measure: step,
    points: [5, 10, 20, 50, 100, 200, 500].map((k) => ({
      ...{ input_dim: 512, latent_dim: 4096, k },
      torch: [5, 50, 500].includes(k),
    })),
  },
  rows: { measure: epoch, points: [7_000, 100_000, 1_000_000, 10_000_000].map((rows) => ({ rows })) },
};

const asked = process.argv.slice(2);
const results = existsSync("bench/scale.json") ? JSON.parse(readFileSync("bench/scale.json", "utf8")) : { curves: {} };
mkdirSync(folder, { recursive: true });
for (const [name, { measure, points }] of Object.entries(directions)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  results.curves[name] = [];
  for (const point of points) {
    const measured = await measure(point);
    results.curves[name].push(measured);
    console.error(`${name} ${JSON.stringify(measured)}`);
  }
  results.machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
  results.date = new Date().toISOString().slice(0, 10);
  writeFileSync("bench/scale.json", `${JSON.stringify(results, null, 1)}\n`);
}
rmSync(folder, { recursive: true, force: true });
for (const [name, points] of Object.entries(results.curves))
  writeFileSync(`bench/scale_${name}.svg`, await renderSvg(scaleFigure(name, points)));
