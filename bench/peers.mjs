// This project's training step beside those that people would take today: current PyTorch with the same recipe (plain, fused Adam, and
// torch.compile), and the trainers of SAELens, dictionary_learning and sparsify. All in turn, each in a process of its own, `--rounds`
// times; medians count, and the most memory of each process. Writes bench/peers.json and prints a table. Needs `npm run python`, and a machine that does nothing else:
// node bench/peers.mjs [--data embedded|stand-in|FILE] [--cells 512:20,...] [--epochs 25] [--rounds 3] [--peers fused,sparsify-topk]
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { datasets, sizesOf } from "./datasets.mjs";

const all = [
  ...["plain", "fused", "compiled"],
  ...["topk", "abstopk", "batchtopk", "standard", "matryoshka_batchtopk"].map((kind) => `saelens-${kind}`),
  ...["dictionary_learning-topk", "dictionary_learning-batchtopk", "sparsify-topk"],
];
const { values } = parseArgs({
  options: {
    data: { type: "string", default: "embedded" },
    cells: { type: "string", default: "512:10,1024:20,2048:20,2048:100" },
    epochs: { type: "string", default: "25" },
    rounds: { type: "string", default: "3" },
    peers: { type: "string", default: all.join() },
  },
});
const threads = String(cpus().length);
const python = ".venv/bin/python";
if (!existsSync(python)) throw new Error("the other libraries are missing: run npm run python first");

const json = (command, args) =>
  JSON.parse(
    execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .split("\n")
      .at(-1),
  );
const file = datasets[values.data]?.() ?? values.data;
const { trainRows } = sizesOf(file);

/** Other libraries' steps do not change from epoch to epoch: three are enough. */
const measured = {
  ours: ([latents, k]) => json("node", ["--expose-gc", "bench/train_one.mjs", file, latents, k, values.epochs, "time"]),
  torch(name, [latents, k]) {
    const how = { plain: [], fused: ["--adam", "fused"], compiled: ["--adam", "fused", "--compile"] }[name];
    return json(python, ["bench/train_topk.py", ...sizes(latents, k), "--epochs", "3", ...how]);
  },
  library: (name, [latents, k]) => json(python, ["bench/train_peer.py", name, ...sizes(latents, k), "--epochs", "3"]),
};
const sizes = (latents, k) => [
  ...["--data", file, "--train-rows", trainRows, "--latent-dim", latents, "--k", k, "--threads", threads],
];
const of = (name, cell) => (/^(plain|fused|compiled)$/.test(name) ? measured.torch : measured.library)(name, cell);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const cells = {};
for (const cell of values.cells.split(",")) {
  const names = values.peers.split(",");
  const ours = [];
  const theirs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    // Ours in turn with them, as a machine's pace changes.
    ours.push(measured.ours(cell.split(":")));
    for (const name of names) theirs[name].push(of(name, cell.split(":")));
  }
  const ms = (runs) => median(runs.map((run) => run.ms_per_step));
  const mb = (runs) => median(runs.map((run) => run.peak_mb));
  const peers = Object.fromEntries(
    names.map((name) => [name, { ms: ms(theirs[name]), ratio: ms(theirs[name]) / ms(ours), mb: mb(theirs[name]) }]),
  );
  const torch = Math.min(
    ...["plain", "fused", "compiled"].map((name) => peers[name]?.ratio ?? Number.POSITIVE_INFINITY),
  );
  cells[cell] = {
    ours: ms(ours),
    mb: mb(ours),
    peers,
    ...(Number.isFinite(torch) ? { fastest_torch_ratio: torch } : {}),
  };
  console.error(`${values.data} ${cell}: ${JSON.stringify(cells[cell])}`);
}
const earlier = existsSync("bench/peers.json") ? JSON.parse(readFileSync("bench/peers.json", "utf8")) : {};
/** A file is known by its name alone, wherever it lay. */
const name = basename(values.data);
const results = { ...earlier, [name]: { ...earlier[name], ...cells } };
writeFileSync("bench/peers.json", `${JSON.stringify(results, null, 1)}\n`);

const names = values.peers.split(",");
console.log(`| latents, k | ours, ms | ${names.join(" | ")} |\n|---|--:|${names.map(() => "--:|").join("")}`);
for (const [cell, { ours, mb, peers }] of Object.entries(cells))
  console.log(
    `| ${cell.replace(":", ", ")} | ${ours.toFixed(1)}; ${mb} MB | ${names.map((name) => `${peers[name].ms.toFixed(1)} (${peers[name].ratio.toFixed(2)}); ${peers[name].mb} MB`).join(" | ")} |`,
  );
