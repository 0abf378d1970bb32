// What a command takes before its work begins, and small things around it: medians in milliseconds, written to results.json.
// Run: npm run -s build && node bench/startup.mjs [rounds]
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const rounds = Number(process.argv[2] ?? 11);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const node = (...args) => execFileSync("node", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Whole processes, in turn, so that a noisy machine is noisy for all; the first round, which fills the file cache, does not count. */
const commands = {
  "node -e 0": ["-e", "0"],
  "--help": ["dist/cli/main.js", "--help"],
  "train --help": ["dist/cli/main.js", "train", "--help"],
  "report --help": ["dist/cli/main.js", "report", "--help"],
  "build-graph --help": ["dist/cli/main.js", "build-graph", "--help"],
};
const processes = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++)
  for (const [name, args] of Object.entries(commands)) {
    const start = performance.now();
    node(...args);
    if (round > 0) processes[name].push(performance.now() - start);
  }

/** In a fresh process: the first training graph, made and encoded, one more, and what freezing takes, encoded too. */
const inside = (step) => `
  import { encodeModel, freeze, trainConfig, trainingGraph } from "sae-onnx";
  import { initialState } from "./dist/train/state.js";
  const time = (work) => { const start = performance.now(); work(); return performance.now() - start; };
  const config = trainConfig({ inputDim: 2048, latentDim: 2048, options: { k: 20 }, step: "${step}" });
  const graph = () => encodeModel(trainingGraph(config));
  const times = { ["first graph, " + config.step]: time(graph), ["next graph, " + config.step]: time(graph) };
  const tensors = initialState(config, undefined);
  const checkpoint = { config, tensors, epochsDone: 25, loss: [], dataDigest: "", layer: null, position: null, metrics: {} };
  for (const part of ["encoder", "autoencoder"]) times["export, " + part] = time(() => encodeModel(freeze(checkpoint, part)));
  console.log(JSON.stringify(times));
`;
const made = Array.from({ length: rounds }, () =>
  Object.assign({}, ...["live", "dense"].map((step) => JSON.parse(node("--input-type=module", "-e", inside(step))))),
);

const startup = {
  ...Object.fromEntries(Object.entries(processes).map(([name, times]) => [name, median(times)])),
  ...Object.fromEntries(Object.keys(made[0]).map((name) => [name, median(made.map((one) => one[name]))])),
};
const results = JSON.parse(readFileSync("bench/results.json", "utf8"));
writeFileSync("bench/results.json", `${JSON.stringify({ ...results, startup_ms: startup }, null, 1)}\n`);
for (const [name, ms] of Object.entries(startup)) console.log(`${name.padEnd(24)} ${ms.toFixed(1)}`);
