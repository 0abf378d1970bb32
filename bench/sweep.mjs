// 1,152 SAEs in one sweep: 16 layers x 6 positions x 12 configurations of small width. Says what part of the time the training
// processes trained, what the command computed, and how the memory of all goes; draws that into sweep_memory.svg. After npm run build:
// node bench/sweep.mjs [epochs] [layers]
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "../dist/data/safetensors.js";
import { renderSvg } from "../dist/report/render.js";
import { random } from "../dist/util/random.js";
import { tensor } from "../dist/util/tensor.js";
import { memoryFigure } from "./figure.mjs";

const [layers, positions, each, width] = [Number(process.argv[3] ?? 16), 6, 100, 16];
const epochs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-bench-"));
const rows = layers * positions * each;
const rng = random(1, "bench sweep");
const column = (of) =>
  tensor(
    "int32",
    [rows],
    Int32Array.from({ length: rows }, (_, i) => of(Math.floor(i / each))),
  );
writeFileSync(
  join(folder, "acts.safetensors"),
  writeSafetensors({
    activations: tensor(
      "float32",
      [rows, width],
      Float32Array.from({ length: rows * width }, () => rng.normal()),
    ),
    layer: column((place) => Math.floor(place / positions)),
    position: column((place) => place % positions),
  }),
);
const out = join(folder, "sweep");
writeFileSync(
  join(folder, "sweep.yaml"),
  `data: ${join(folder, "acts.safetensors")}
by: [layer, position]
split: 0.8
options: { epochs: ${epochs}, batch_size: 64, latent_dim: [24, 32, 48], k: [2, 4, 6, 8] }
architectures: { architecture: topk }
`,
);

const finished = () =>
  readdirSync(out, { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .reduce(
      (sum, { name }) => sum + readdirSync(join(out, name)).filter((file) => file.endsWith(".files.json")).length,
      0,
    );
/** Seconds that a process has computed. */
const computed = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const megabytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;

/** The training processes of the command, in the order they were started. */
const trainers = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);

const child = spawn(
  process.execPath,
  ["dist/cli/main.js", "sweep", join(folder, "sweep.yaml"), "--out", out, "--json", "--quiet"],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
let said = "";
child.stdout.on("data", (text) => {
  said += text;
});
const samples = [];
let seconds = 0;
const sampling = setInterval(() => {
  try {
    const saes = finished();
    samples.push({ count: saes, of: "the command", megabytes: megabytes(child.pid) });
    for (const [i, pid] of trainers(child.pid).entries())
      samples.push({ count: saes, of: `training process ${i + 1}`, megabytes: megabytes(pid) });
    seconds = computed(child.pid);
  } catch {
    // It has not begun, or is over.
  }
}, 2000);
await new Promise((resolve) => child.on("exit", resolve));
clearInterval(sampling);
const result = JSON.parse(said);
rmSync(folder, { recursive: true, force: true });
const names = [...new Set(samples.map((one) => one.of))];
const at = (name, saes) => samples.find((one) => one.of === name && one.count >= saes)?.megabytes.toFixed(0);
const held = result.seconds * result.jobs;
console.log(
  `${result.finished} SAEs in ${result.seconds.toFixed(0)} s; ${result.jobs} training processes trained ${((100 * result.trainingSeconds) / held).toFixed(1)} % of it, ${(result.trainingSeconds / result.finished).toFixed(2)} s an SAE; the command computed ${((1000 * seconds) / result.finished).toFixed(0)} ms an SAE; load ${loadavg()[0].toFixed(1)}`,
);
for (const name of names) {
  const reached = [100, 500, 1000].filter((saes) => at(name, saes) !== undefined);
  console.log(`memory of ${name}: ${reached.map((saes) => `${at(name, saes)} MB after ${saes} SAEs`).join(", ")}`);
}
const spec = memoryFigure("Memory of a sweep of 1,152 SAEs", "SAEs finished", samples);
if (result.finished > 1000) writeFileSync("bench/sweep_memory.svg", `${await renderSvg(spec)}\n`);
