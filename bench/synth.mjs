/**
 * SynthSAEBench-16k (arXiv 2602.14687): SAEs of 4,096 latents at L0 25 beside the published table.
 *
 *   npm run build && node bench/synth.mjs [--rows 1000000] [--epochs 1] [--architectures batchtopk,topk-relu] [--preset recommended]
 *
 * The paper trains on 200 million samples. This prints how many were afforded. What is trained stays in bench/data/synth, so that a run
 * that is interrupted goes on.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    epochs: { type: "string", default: "1" },
    architectures: { type: "string", default: "batchtopk,matryoshka,topk-relu,topk,jumprelu" },
    preset: { type: "string", default: "recommended" },
    lambda: { type: "string" },
    "batch-size": { type: "string", default: "1024" },
    "learning-rate": { type: "string" },
  },
});

/** Table 2 of the paper: 4,096 latents, L0 25, 200 million samples. */
const published = {
  matryoshka: { feature_f1: 0.8793, mcc: 0.7927, uniqueness: 0.9987, explained_variance_centered: 0.7792 },
  batchtopk: { feature_f1: 0.7316, mcc: 0.7574, uniqueness: 0.9837, explained_variance_centered: 0.7923 },
  jumprelu: { feature_f1: 0.7317, mcc: 0.7527, uniqueness: 0.9885, explained_variance_centered: 0.7951 },
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the published MCC, not ln 2
  "matching-pursuit": { feature_f1: 0.4464, mcc: 0.693, uniqueness: 0.8281, explained_variance_centered: 0.8351 },
};
const keys = ["explained_variance_centered", "mcc", "uniqueness", "feature_f1", "feature_death_rate", "l0_mean"];

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const run = (...args) => execFileSync(process.execPath, [cli, ...args], { stdio: ["ignore", "ignore", "inherit"] });

const validation = 20_000;
const rows = Number(values.rows);
const data = `bench/data/synth-${rows}`;
const shards = String(Math.max(1, Math.round(rows / 100_000)));
run(
  ...["synth", "--recipe", "synthsaebench", "--out", data, "--shards", shards, "--rows", String(rows + validation)],
  ...["--train-rows", String(rows), "--dtype", "float16"],
);

const shown = (number) => (number === undefined || number === null ? "" : number.toFixed(4));
console.log(`| architecture | samples | ${keys.join(" | ")} |`);
console.log(`|---|--:|${keys.map(() => "--:|").join("")}`);
for (const [name, row] of Object.entries(published))
  console.log(`| ${name}, published | 200 M | ${keys.map((key) => shown(row[key])).join(" | ")} |`);
for (const architecture of values.architectures.split(",")) {
  const optional = ["learning-rate", ...(architecture === "jumprelu" ? ["lambda"] : [])];
  const given = optional.flatMap((flag) => (values[flag] ? [`--${flag}`, values[flag]] : []));
  const name = [architecture, values.preset, `e${values.epochs}`, ...given.filter((_, i) => i % 2)].join("-");
  const out = `${data}-saes`;
  run(
    ...["train", "--data", data, "--architecture", architecture, "--preset", values.preset, "--latent-dim", "4096"],
    ...(architecture === "jumprelu" ? [] : ["--k", "25"]),
    ...["--epochs", values.epochs, "--batch-size", values["batch-size"], "--out", out, "--name", name, ...given],
    "--no-keep-state",
  );
  const file = `${out}/${name}.metrics.json`;
  if (!existsSync(file)) continue;
  for (const row of JSON.parse(readFileSync(file, "utf8")).rows)
    console.log(
      `| ${architecture}, ${row.preset} | ${((rows * row.epochs) / 1e6).toPrecision(3)} M | ${keys.map((key) => shown(row[key])).join(" | ")} |`,
    );
}
