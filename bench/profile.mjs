// Where a training step spends its time, in ms by op, by ONNX Runtime's own profile (which adds a few per cent): of the last half of a training.
// After npm run build: node --expose-gc bench/profile.mjs [--data embedded|smollm2|stand-in|FILE] [--latent-dim 1024] [--k 20] [--architecture topk]
// [--step live|dense] [--epochs 12] [--threads 2]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession } from "onnxruntime-node";
import { cpu, readActivations, splitRows, takeRows, trainConfig, trainOn } from "sae-onnx";
import { betweenRuns } from "../dist/train/runs/betweenRuns.js";
import { datasets } from "./datasets.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "embedded" },
    "latent-dim": { type: "string", default: "1024" },
    k: { type: "string", default: "20" },
    architecture: { type: "string", default: "topk" },
    step: { type: "string" },
    epochs: { type: "string", default: "12" },
    threads: { type: "string", default: "2" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));
const { create } = InferenceSession;
InferenceSession.create = async (model, options) => {
  const session = await create.call(InferenceSession, model, {
    ...options,
    enableProfiling: true,
    profileFilePrefix: join(folder, "profile"),
  });
  const release = session.release.bind(session);
  session.release = () => {
    session.endProfiling();
    return release();
  };
  return session;
};

const set = await readActivations(datasets[values.data]?.() ?? values.data);
const rows = takeRows(set.activations, splitRows(set).train);
const config = trainConfig({
  architecture: values.architecture,
  inputDim: rows.dims[1],
  latentDim: Number(values["latent-dim"]),
  options: { k: Number(values.k) },
  epochs: Number(values.epochs),
  step: values.step,
});
const started = performance.now();
await trainOn(cpu, config, rows, {
  threads: Number(values.threads),
  onPause: () => betweenRuns(config),
  onRun: async () => {
    await betweenRuns(config);
    return true;
  },
});
const steps = config.epochs * Math.ceil(rows.dims[0] / config.batchSize);
const whole = (performance.now() - started) / steps;

// Each session has a file, and a clock of its own. The training's is the largest.
const [largest] = readdirSync(folder)
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .sort((one, other) => other.length - one.length);
const kernels = JSON.parse(largest).filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
rmSync(folder, { recursive: true });
const [from, to] = [kernels[0].ts, kernels.at(-1).ts];
const inside = new Set(["Loop", "Scan", "If"]);
const byOp = {};
for (const { ts, dur, args } of kernels)
  if (ts >= (from + to) / 2 && !inside.has(args.op_name)) byOp[args.op_name] = (byOp[args.op_name] ?? 0) + dur;
const perOp = Object.entries(byOp)
  .map(([op, us]) => [op, (us / 1000 / steps) * 2])
  .sort((a, b) => b[1] - a[1]);
const kernelMs = perOp.reduce((sum, [, ms]) => sum + ms, 0);
console.log(
  `step ${config.step}, ${whole.toFixed(1)} ms a step in all; ${kernelMs.toFixed(1)} ms of it kernels: ${perOp
    .filter(([, ms]) => ms >= 0.02)
    .map(([op, ms]) => `${op} ${ms.toFixed(2)}`)
    .join(", ")}`,
);
