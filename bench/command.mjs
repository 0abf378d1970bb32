// The command from start to end, one SAE: node starts, rows are read, it trains, is measured beside its baselines, frozen and written.
// Beside it a PyTorch script that reads, trains with fused Adam, measures and writes (train_topk.py). In turn, `--rounds` times, medians.
// Needs `npm run build` and `npm run python`, and a machine that does nothing else:
// node bench/command.mjs [--data embedded|stand-in|FILE] [--cells 1024:20,...] [--epochs 25] [--rounds 3]
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { datasets, sizesOf } from "./datasets.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "embedded" },
    cells: { type: "string", default: "1024:20,2048:20,2048:100" },
    epochs: { type: "string", default: "25" },
    rounds: { type: "string", default: "3" },
  },
});
const threads = String(cpus().length);
const python = ".venv/bin/python";
const hasTorch = existsSync(python);
if (!hasTorch) console.error("no .venv (npm run python): PyTorch's column stays empty");
const file = datasets[values.data]?.() ?? values.data;
const { trainRows } = sizesOf(file);
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));

/** Seconds of a whole process. */
function seconds(command, args) {
  const start = performance.now();
  execFileSync(command, args, { stdio: ["ignore", "ignore", "ignore"] });
  return (performance.now() - start) / 1000;
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

console.log("| latents, k | command, s | its training, s | ratio | PyTorch's script, s | over ours |");
console.log("|---|--:|--:|--:|--:|--:|");
for (const cell of values.cells.split(",")) {
  const [latentDim, k] = cell.split(":");
  const sizes = ["--latent-dim", latentDim, "--k", k, "--epochs", values.epochs, "--threads", threads];
  const runs = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const out = join(folder, `${cell.replace(":", "-")}-${round}`);
    const ours = ["dist/cli/main.js", "train", "--data", file, ...sizes, "--out", out, "--name", "sae", "--quiet"];
    const command = seconds(process.execPath, ours);
    const [{ train_time_sec }] = JSON.parse(readFileSync(join(out, "sae.metrics.json"), "utf8")).rows;
    const theirs = [
      "--data",
      file,
      "--train-rows",
      trainRows,
      ...sizes,
      "--adam",
      "fused",
      "--write",
      join(out, "torch.pt"),
    ];
    const torch = hasTorch ? seconds(python, ["bench/train_topk.py", ...theirs]) : Number.NaN;
    runs.push({ command, training: train_time_sec, torch });
  }
  const of = (key) => median(runs.map((run) => run[key]));
  const [command, training, torch] = [of("command"), of("training"), of("torch")];
  const numbers = [command, training, command / training, torch, torch / command].map((number) => number.toFixed(2));
  console.log(`| ${latentDim}, ${k} | ${numbers.join(" | ")} |`);
}
rmSync(folder, { recursive: true });
