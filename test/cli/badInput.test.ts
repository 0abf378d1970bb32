import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { tensor } from "../../src/util/tensor.ts";
import { npy, saeOnnx, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const models = at("models");
const rows = sparseRows(100, 16);
const train = (...args: string[]) => [
  "train",
  "--data",
  at("acts.npy"),
  "--latent-dim",
  "24",
  "--k",
  "2",
  "--epochs",
  "2",
  "--batch-size",
  "32",
  "--out",
  models,
  ...args,
];

/** A copy of the rows with one entry replaced. */
const spoiled = (row: number, value: number) => {
  const data = rows.data.slice();
  data[row * 16 + 3] = value;
  return tensor("float32", rows.dims, data);
};

beforeAll(() => {
  writeFileSync(at("acts.npy"), npy(rows));
  writeFileSync(at("nan.npy"), npy(spoiled(42, Number.NaN)));
  writeFileSync(at("infinite.npy"), npy(spoiled(7, Number.POSITIVE_INFINITY)));
  writeFileSync(at("cube.npy"), npy(tensor("float32", [4, 5, 5], new Float32Array(100))));
  writeFileSync(at("none.npy"), npy(tensor("float32", [0, 16], new Float32Array())));
  writeFileSync(at("wide.npy"), npy(sparseRows(100, 20)));
  writeFileSync(at("few.npy"), npy(sparseRows(20, 16)));
  writeFileSync(at("cut.npy"), npy(rows).subarray(0, 300));
  writeFileSync(at("cut.safetensors"), Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123));
  writeFileSync(at("text.onnx"), "this is no model");
  writeFileSync(at("a-file"), "in the way");
  mkdirSync(at("empty"));
  expect(saeOnnx(...train()).status).toBe(0);
  writeFileSync(at("cut.onnx"), readFileSync(join(models, "sae_d24_k2.autoencoder.onnx")).subarray(0, 900));
});

const autoencoder = join(models, "sae_d24_k2.autoencoder.onnx");
/** What is wrong, the command line, and what the one line must say: where, what, and what to do. */
const cases: [string, string[], ...RegExp[]][] = [
  [
    "a missing file",
    ["train", "--data", at("nowhere.npy"), "--latent-dim", "24", "--k", "2"],
    /nowhere\.npy: cannot read, no such file.*check the path/,
  ],
  ["a truncated .npy", ["train", "--data", at("cut.npy"), "--latent-dim", "24", "--k", "2"], /cut\.npy.*6400/],
  [
    "a truncated .safetensors",
    ["eval", autoencoder, "--data", at("cut.safetensors")],
    /cut\.safetensors: truncated.*208/,
  ],
  ["a truncated .onnx", ["eval", at("cut.onnx"), "--data", at("acts.npy")], /cut\.onnx: not an ONNX model/],
  [
    "wrong rank",
    ["train", "--data", at("cube.npy"), "--latent-dim", "24", "--k", "2"],
    /cube\.npy.*\[4, 5, 5\].*\[rows, inputDim\]/,
  ],
  [
    "wrong width for the model",
    ["eval", autoencoder, "--data", at("wide.npy")],
    /takes activations 16 wide, the data are 20 wide/,
  ],
  ["NaN", ["train", "--data", at("nan.npy"), "--latent-dim", "24", "--k", "2"], /nan\.npy.*NaN.*row 42/],
  ["infinity", ["eval", autoencoder, "--data", at("infinite.npy")], /infinite\.npy.*[Ii]nfinity.*row 7/],
  [
    "k above latentDim",
    train("--name", "other", "--latent-dim=24")
      .map((one) => (one === "2" ? "25" : one))
      .filter((one) => one !== "--latent-dim=24"),
    /error: --k must be an integer from 1 to --latent-dim = 24, got 25/,
  ],
  ["zero rows", ["train", "--data", at("none.npy"), "--latent-dim", "24", "--k", "2"], /none\.npy.*empty.*\[0, 16\]/],
  [
    "fewer rows than a batch",
    ["train", "--data", at("few.npy"), "--latent-dim", "24", "--k", "2", "--out", models],
    /few\.npy: 16 training rows are fewer than one batch of 256; use a smaller batch size \(--batch-size\)/,
  ],
  ["an unknown flag", ["train", "--latnt-dim", "24"], /no flag --latnt-dim, did you mean --latent-dim\?/],
  ["an unknown verb", ["trian"], /no verb "trian", did you mean train\?/],
  ["no verb", [], /a verb is missing/],
  ["a missing flag", ["train", "--data", at("acts.npy")], /--latent-dim, --k are missing/],
  ["an option of another architecture", train("--lambda", "4"), /topk has no option lambda/],
  [
    "AuxK where nothing can die",
    train("--aux-k", "4", "--dead-steps", "100000"),
    /--aux-k: a latent is dead after --dead-steps = 100000 steps/,
  ],
  [
    "an unknown preset",
    train("--preset", "nobody"),
    /preset of topk must be one of report, original, recommended, got nobody/,
  ],
  ["an unknown provider", train("--provider", "tpu"), /--provider must be one of cpu, .*, got "tpu"/],
  [
    "no number",
    train()
      .map((one) => (one === "2" ? "many" : one))
      .map((one, i, all) => (all[i - 1] === "--k" ? "2" : one)),
    /--epochs: must be whole numbers such as 5 or 5,10,20, got "many"/,
  ],
  ["no threads", train("--threads", "0"), /--threads must be an integer of at least 1, got 0/],
  [
    "a .onnx that is not one of ours",
    ["eval", "graphs/topk_report_d512_k5.onnx", "--data", at("acts.npy")],
    /not an autoencoder: it needs outputs "latents" and "reconstruction"/,
  ],
  [
    "an encoder where an autoencoder is needed",
    ["eval", join(models, "sae_d24_k2.encoder.onnx"), "--data", at("acts.npy")],
    /use the \.autoencoder\.onnx beside it/,
  ],
  [
    "a model twice",
    ["eval", autoencoder, autoencoder, "--data", at("acts.npy")],
    /is named twice; name each model once/,
  ],
  [
    "a checkpoint where its model is needed",
    ["eval", join(models, "sae_d24_k2.safetensors"), "--data", at("acts.npy")],
    /is a \.safetensors file, not an ONNX model; the model frozen from it may be \S+sae_d24_k2\.autoencoder\.onnx$/,
  ],
  ["a folder without metrics", ["report", at("empty")], /empty: holds no sweep and no \.metrics\.json/],
  ["text named .onnx", ["inspect", at("text.onnx")], /text\.onnx: not an ONNX model/],
  [
    "activations where a checkpoint is needed",
    ["export", "examples/data/use-lite-resid0-pos3.safetensors"],
    /not a checkpoint/,
  ],
  [
    "a file where the output folder should be",
    [...train("--force").slice(0, -2), join(at("a-file"), "models"), "--force"],
    /a-file.*a part of the path is a file, not a folder; use another path/,
  ],
  [
    "a folder that cannot be made",
    train().map((one) => (one === models ? "/proc/sae-onnx" : one)),
    /\/proc\/sae-onnx.*cannot write/,
  ],
  [
    "files of another configuration",
    train("--learning-rate", "0.01"),
    /sae_d24_k2\.safetensors: was trained with learning_rate = 0\.001, now asked for 0\.01; use --force/,
  ],
  ["files of other data", train("--train-rows", "70"), /other data or another split; use --force/],
  ["a metrics file that is none", ["report", at("acts.npy")], /acts\.npy: not valid JSON/],
  [
    "an unknown kind of file",
    ["inspect", "LICENSE"],
    /LICENSE: its name must end in \.onnx, \.pt, \.npy, \.npz, \.safetensors/,
  ],
  [
    "a wrong part",
    ["export", join(models, "sae_d24_k2.safetensors"), "--part", "encodr"],
    /--part: must be of encoder, autoencoder, decoder, evaluator, got "encodr"/,
  ],
  [
    "a wrong Pareto rule",
    ["report", join(models, "sae.metrics.json"), "--pareto", "beauty:max", "--out", at("reports")],
    /beauty/,
  ],
];

test.each(cases)("%s: one line, exit code 1, nothing touched", (_what, args, ...patterns) => {
  const before = snapshot(models);
  const { status, stdout, stderr } = saeOnnx("--quiet", ...args);
  const lines = stderr.trimEnd().split("\n");
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toMatch(/^error: /);
  expect(lines[0]).not.toContain("unexpected");
  for (const pattern of patterns) expect(lines[0]).toMatch(pattern);
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(snapshot(models)).toEqual(before);
});

test("eval measures what it can of a folder and other files, and names what it cannot", () => {
  const other = "graphs/topk_report_d512_k5.onnx";
  const { status, stdout, stderr } = saeOnnx("eval", other, models, "--data", at("acts.npy"), "--quiet", "--json");
  const { config, rows } = JSON.parse(stdout) as { config: object; rows: { name: string }[] };
  expect(config).toEqual({ models: ["sae_d24_k2.autoencoder.onnx"] });
  expect(rows.map(({ name }) => name)).toEqual(["sae_d24_k2"]);
  expect(stderr.trimEnd().split("\n")).toEqual([
    expect.stringMatching(/^not measured: graphs\S+: not an autoencoder/),
    expect.stringMatching(/^error: 1 of 2 were not measured; the first: graphs\S+: not an autoencoder/),
  ]);
  expect(status).toBe(1);
});

test.skipIf(process.getuid?.() === 0)(
  "an output folder without permission (skipped for root, who may write anywhere)",
  () => {
    const locked = at("locked");
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    const { status, stderr } = saeOnnx(...train().slice(0, -1), locked);
    expect(stderr).toMatch(/error: .*locked.*permission denied/);
    expect(status).toBe(1);
  },
);
