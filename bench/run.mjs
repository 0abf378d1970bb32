// Trains the grid of twelve with this project and with PyTorch, in turn, each SAE in a process of its own, and writes
// results.json and a table; then come evaluation, start-up, graph building and export. Both train `--rounds` times in turn, and the
// quicker of each counts: on a shared machine a process can be a third slower than the next one. Run on a machine that does nothing else:
// npm run bench [-- --data embedded|stand-in --epochs N --rounds N --cells 512:5,...]
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { datasets, sizesOf } from "./datasets.mjs";

const grid = [512, 1024, 2048].flatMap((latentDim) => [5, 10, 20, 100].map((k) => `${latentDim}:${k}`));
const { values } = parseArgs({
  options: {
    data: { type: "string" },
    epochs: { type: "string", default: "25" },
    rounds: { type: "string", default: "2" },
    cells: { type: "string", default: grid.join() },
  },
});
const threads = String(cpus().length);
const python = "/usr/bin/python3";
const hasTorch = spawnSync(python, ["-c", "import torch"]).status === 0;
if (!hasTorch) console.error("PyTorch (Debian: python3-torch, libopenblas0-openmp) is missing: its columns stay empty");

const read = (command, args) => execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const json = (command, args) => JSON.parse(read(command, args));

/** Milliseconds of one product of matrices, ONNX Runtime's and PyTorch's: the ground both stand on. */
const gemm = {
  onnxruntime: json("node", ["bench/gemm.mjs"]).ms,
  torch: hasTorch
    ? json(python, [
        "-c",
        `
import json, time, torch
torch.set_num_threads(${threads}); a, b = torch.rand(256, 2048), torch.rand(2048, 2048); times = []
for _ in range(50):
    t = time.perf_counter(); a @ b.T; times.append(1000 * (time.perf_counter() - t))
print(json.dumps({"ms": sorted(times)[25]}))`,
      ]).ms
    : null,
};
console.error(
  `one product [256, 2048] x [2048, 2048]: onnxruntime ${gemm.onnxruntime.toFixed(1)} ms, torch ${gemm.torch?.toFixed(1)} ms`,
);

const rows = [];
for (const name of values.data ? [values.data] : ["embedded", "stand-in"]) {
  const path = datasets[name]();
  const { inputDim, trainRows } = sizesOf(path);
  for (const cell of values.cells.split(",")) {
    const [latentDim, k] = cell.split(":");
    const sizes = ["--latent-dim", latentDim, "--k", k, "--epochs", values.epochs, "--threads", threads];
    const quicker = (all) => all.reduce((best, one) => (one.ms_per_step < best.ms_per_step ? one : best));
    const [times, others] = [[], []];
    for (let round = 0; round < +values.rounds; round++) {
      const what = round === 0 ? "all" : "time";
      times.push(json("node", ["--expose-gc", "bench/train_one.mjs", path, latentDim, k, values.epochs, what]));
      if (hasTorch)
        others.push(json(python, ["bench/train_topk.py", "--data", path, "--train-rows", trainRows, ...sizes]));
    }
    const { ms_per_step } = quicker(times);
    const [{ floor, ...first }] = times;
    const ours = { ...first, ms_per_step, floor: { ...floor, ratio: ms_per_step / floor.ms } };
    const torch = hasTorch ? { ...others[0], ms_per_step: quicker(others).ms_per_step } : null;
    const all_ms = { ours: times.map((one) => one.ms_per_step), torch: others.map((one) => one.ms_per_step) };
    const ratio = torch ? torch.ms_per_step / ours.ms_per_step : null;
    rows.push({
      data: name,
      epochs: +values.epochs,
      input_dim: inputDim,
      latent_dim: +latentDim,
      k: +k,
      steps: +values.epochs * Math.ceil(Number(trainRows) / 256),
      ratio,
      all_ms,
      ours,
      torch,
    });
    console.error(
      `${name} ${cell} (${ours.step}): ${ours.ms_per_step.toFixed(2)} ms, torch ${torch?.ms_per_step.toFixed(2)} ms, ratio ${ratio?.toFixed(2)}, ${ours.floor.ratio.toFixed(2)} times its floor`,
    );
  }
}

/** Whole grids: this project's command from start to end, files and evaluation included, against PyTorch's trainings one after another. */
const totals = {};
for (const data of new Set(rows.map((row) => row.data))) {
  const own = rows.filter((row) => row.data === data);
  const list = (key) => [...new Set(own.map((row) => row[key]))].join();
  const sizes = ["--latent-dim", list("latent_dim"), "--k", list("k"), "--epochs", values.epochs];
  const start = performance.now();
  execFileSync(
    "node",
    [
      "dist/cli/main.js",
      "train",
      "--quiet",
      "--force",
      "--json",
      "--data",
      datasets[data](),
      ...sizes,
      "--threads",
      "1",
      "--out",
      "bench/data/grid",
    ],
    { stdio: "ignore" },
  );
  const grid_seconds = (performance.now() - start) / 1000;
  const seconds = (who) =>
    own.reduce((total, row) => total + ((row[who]?.ms_per_step ?? Number.NaN) * row.steps) / 1000, 0);
  const [one_by_one_seconds, torch_seconds] = [seconds("ours"), seconds("torch")];
  totals[data] = {
    epochs: +values.epochs,
    grid_seconds,
    one_by_one_seconds,
    torch_seconds,
    ratio: torch_seconds / grid_seconds,
  };
}
/** Evaluation against its two products alone, on the CPU and on WebAssembly. */
const evaluated = () =>
  ["cpu", "wasm"].flatMap((provider) =>
    read("node", ["bench/evaluation.mjs", datasets.embedded(), "7", threads, "1024", provider])
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
const whole = !values.data && values.cells === grid.join();
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const machine = {
  cpu: cpus()[0].model,
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  onnxruntime: version("onnxruntime-node"),
  torch: rows[0]?.torch?.torch ?? null,
};
// What another call measured on other data stays.
const earlier = existsSync("bench/results.json")
  ? JSON.parse(readFileSync("bench/results.json", "utf8"))
  : { totals: {}, rows: [] };
const results = {
  ...earlier,
  date: new Date().toISOString().slice(0, 10),
  machine,
  gemm_ms: gemm,
  ...(whole ? { evaluation: evaluated() } : {}),
  totals: { ...earlier.totals, ...totals },
  rows: [...earlier.rows.filter(({ data }) => !Object.hasOwn(totals, data)), ...rows],
};
writeFileSync("bench/results.json", `${JSON.stringify(results, null, 1)}\n`);

// Start-up, graph building and export: into results.json too.
if (whole) read("node", ["bench/startup.mjs"]);

const number = (value, digits) => value?.toFixed(digits) ?? "-";
console.log(
  "| data | latents | k | step | ms per step | PyTorch | ratio | floor | times floor | EV | PyTorch | death | PyTorch | peak MB | PyTorch |\n|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
);
for (const { data, latent_dim, k, ratio, ours, torch } of rows) {
  const pair = (key, digits) => [number(ours[key], digits), number(torch?.[key], digits)];
  const [ms, quality, death, peak] = [
    pair("ms_per_step", 1),
    pair("explained_variance", 3),
    pair("feature_death_rate", 3),
    pair("peak_mb", 0),
  ];
  console.log(
    `| ${[data, latent_dim, k, ours.step, ...ms, number(ratio, 2), number(ours.floor.ms, 1), number(ours.floor.ratio, 2), ...quality, ...death, ...peak].join(" | ")} |`,
  );
}
for (const [data, { grid_seconds, one_by_one_seconds, torch_seconds, ratio }] of Object.entries(totals))
  console.log(
    `\n${data}: the grid in ${number(grid_seconds, 0)} s with everything, trained one by one ${number(one_by_one_seconds, 0)} s, PyTorch ${number(torch_seconds, 0)} s: ${number(ratio, 2)} times as fast.`,
  );
