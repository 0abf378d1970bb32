import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { npy, saeOnnx, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const data = join(folder, "acts.npy");
const models = join(folder, "models");
const grid = ["--latent-dim", "24,32", "--k", "2,4", "--epochs", "3", "--batch-size", "32", "--threads", "1"];
const json = (text: string) => JSON.parse(text);

beforeAll(() => writeFileSync(data, npy(sparseRows(200, 16))));

describe.sequential("the way from activations to a page", () => {
  test("train writes checkpoints, frozen models and metrics, and prints one row per SAE", () => {
    const { status, stdout, stderr } = saeOnnx("train", "--data", data, ...grid, "--out", models);
    expect(stderr).toMatch(/4\/4 sae_d\d+_k\d: trained in/);
    expect(status).toBe(0);
    for (const name of ["sae_d24_k2", "sae_d24_k4", "sae_d32_k2", "sae_d32_k4"]) {
      expect(stdout).toContain(name);
      for (const part of [".safetensors", ".encoder.onnx", ".autoencoder.onnx", ".latents.json"])
        expect(existsSync(join(models, name + part)), name + part).toBe(true);
      const frozen = [".encoder.onnx", ".autoencoder.onnx"].map((part) => join(models, name + part));
      expect(saeOnnx("verify", ...frozen).status, name).toBe(0);
    }
    const file = json(readFileSync(join(models, "sae.metrics.json"), "utf8"));
    expect(file.rows.map((row: { name: string }) => row.name)).toEqual([
      "sae_d24_k2",
      "sae_d24_k4",
      "sae_d32_k2",
      "sae_d32_k4",
    ]);
    expect(stdout).toMatch(/SAE +│ latents │ k │ +L0 │/);
    expect(stdout).toMatch(/sae_d24_k2 +│ +24 │ 2 │ +2\.0 │/);
    for (const { latent_dim, k, config, origin } of file.rows) {
      expect(config).toMatchObject({ architecture: "topk", latent_dim, k, learning_rate: 1e-3, select: "magnitude" });
      expect(origin).toBeNull();
    }
    expect(file.config).toMatchObject({ architecture: "topk", preset: "report", latent_dim: [24, 32], k: [2, 4] });
    expect(file.data).toMatchObject({ train_rows: 160, validation_rows: 40, input_dim: 16 });
  });

  test("a second run reuses what is there and changes nothing", () => {
    const before = snapshot(models);
    const { status, stderr } = saeOnnx("train", "--data", data, ...grid, "--out", models);
    expect(status).toBe(0);
    expect(stderr.match(/already there/g)).toHaveLength(4);
    expect(snapshot(models)).toEqual(before);
  });

  test("of a metrics file from before it learns the configurations, and marks SAEs below the mean predictor", () => {
    const path = join(models, "sae.metrics.json");
    const now = readFileSync(path, "utf8");
    const file = json(now);
    for (const row of file.rows) {
      delete row.config;
      delete row.origin;
      row.explained_variance_centered = row.name === "sae_d32_k4" ? -0.5 : 0.5;
    }
    writeFileSync(path, JSON.stringify(file));
    const { status, stdout } = saeOnnx("train", "--data", data, ...grid, "--out", models);
    expect(status).toBe(0);
    expect(stdout).toMatch(/sae_d32_k4 .* -0\.500\* │/);
    expect(stdout).toMatch(
      /^\* Below the mean predictor: sae_d32_k4\. Always predicting the mean row has a smaller error\.$/m,
    );
    for (const { config, latent_dim } of json(readFileSync(path, "utf8")).rows)
      expect(config.latent_dim).toBe(latent_dim);
    writeFileSync(path, now);
  });

  test("the same seed writes the same bytes, whatever grid an SAE is trained in; times go to the metrics file only", () => {
    const again = join(folder, "again");
    saeOnnx(
      "train",
      "--data",
      data,
      "--latent-dim",
      "32",
      "--k",
      "4",
      "--epochs",
      "3",
      "--batch-size",
      "32",
      "--threads",
      "1",
      "--out",
      again,
    );
    const [one, other] = [snapshot(again), snapshot(models)];
    for (const name of Object.keys(one).filter((file) => !file.endsWith("metrics.json")))
      expect(one[name] === other[name], name).toBe(true);
    const metrics = (path: string) => {
      const row = json(readFileSync(join(path, "sae.metrics.json"), "utf8")).rows.at(-1);
      return { ...row, train_time_sec: 0 };
    };
    expect(metrics(again)).toEqual(metrics(models));
    const third = join(folder, "third");
    saeOnnx(
      "train",
      "--data",
      data,
      "--latent-dim",
      "32",
      "--k",
      "4",
      "--epochs",
      "3",
      "--batch-size",
      "32",
      "--threads",
      "1",
      "--seed",
      "1",
      "--out",
      third,
    );
    expect(snapshot(third)["sae_d32_k4.safetensors"]).not.toBe(one["sae_d32_k4.safetensors"]);
  });

  test("eval gives the numbers train gave, from the frozen files alone, also on WASM", () => {
    const trained = json(readFileSync(join(models, "sae.metrics.json"), "utf8")).rows[0];
    const model = join(models, "sae_d24_k2.autoencoder.onnx");
    for (const provider of ["cpu", "wasm"]) {
      const { status, stdout } = saeOnnx("eval", model, "--data", data, "--provider", provider, "--json");
      expect(status).toBe(0);
      const row = json(stdout).rows[0];
      expect(row.config).toEqual(trained.config);
      for (const key of ["explained_variance", "feature_death_rate", "median_activation", "cosine_similarity"])
        expect(Math.abs(row[key] - trained[key]), `${key} on ${provider}`).toBeLessThan(1e-5);
    }
  });

  test("export writes the other parts; an evaluator evaluates as its autoencoder does", () => {
    const checkpoint = join(models, "sae_d24_k2.safetensors");
    const { status } = saeOnnx("export", checkpoint, "--part", "decoder,evaluator", "--out", join(folder, "parts"));
    expect(status).toBe(0);
    const rows = ["models/sae_d24_k2.autoencoder.onnx", "parts/sae_d24_k2.evaluator.onnx"].map(
      (path) => json(saeOnnx("eval", join(folder, path), "--data", data, "--json").stdout).rows[0],
    );
    expect(rows[1].explained_variance).toBe(rows[0].explained_variance);
    expect(existsSync(join(folder, "parts/sae_d24_k2.decoder.onnx"))).toBe(true);
  });

  test("eval and export take several files, and measure or freeze each", () => {
    const names = ["sae_d24_k2", "sae_d32_k4"];
    const files = (end: string) => names.map((name) => join(models, name + end));
    const measured = json(saeOnnx("eval", ...files(".autoencoder.onnx"), "--data", data, "--json").stdout);
    expect(measured.rows.map((row: { name: string }) => row.name)).toEqual(names);
    const out = join(folder, "decoders");
    expect(saeOnnx("export", ...files(".safetensors"), "--part", "decoder", "--out", out).status).toBe(0);
    expect(Object.keys(snapshot(out))).toEqual(
      names.flatMap((name) => [`${name}.decoder.onnx`, `${name}.decoder.parity.safetensors`]),
    );
  });

  test("report writes the page, the five heatmaps, the Pareto plot and the experiment's files", () => {
    const out = join(folder, "reports");
    const { status, stdout } = saeOnnx("report", models, "--out", out);
    expect(status).toBe(0);
    expect(stdout).toContain(join(out, "index.html"));
    const figures = [
      "explained_variance",
      "feature_death_rate",
      "mean_activation",
      "max_activation",
      "reconstruction_loss",
    ];
    for (const name of [
      ...figures.map((one) => `heatmap_${one}.svg`),
      "pareto_frontier.svg",
      "report.md",
      "metrics.csv",
    ])
      expect(existsSync(join(out, name)), name).toBe(true);
    const latent24 = json(readFileSync(join(out, "grid_metrics_latent24.json"), "utf8"));
    expect(Object.keys(latent24.results["24"])).toEqual(["2", "4"]);
    expect(json(readFileSync(join(out, "pareto_optimal_configs.json"), "utf8")).num_pareto).toBeGreaterThan(0);
    expect(readFileSync(join(out, "index.html"), "utf8")).toContain("<svg");
  });

  test("inspect prints models, arrays and checkpoints", () => {
    expect(saeOnnx("inspect", join(models, "sae_d24_k2.encoder.onnx")).stdout).toContain("encode/select/TopK_0");
    expect(saeOnnx("inspect", data).stdout).toContain("[200, 16]");
    expect(saeOnnx("inspect", join(models, "sae_d24_k2.safetensors")).stdout).toContain("W_enc: F32 [24, 16]");
    const { inputs, outputs } = json(saeOnnx("inspect", join(models, "sae_d24_k2.encoder.onnx"), "--json").stdout);
    expect(inputs.activations.shape).toEqual(["batch", 16]);
    expect(Object.keys(outputs)).toEqual(["latents", "top_values", "top_indices"]);
  });
});

test("build-graph still emits the twelve graphs of the repository", () => {
  const out = join(folder, "graphs");
  const sizes = ["--input-dim", "2048", "--latent-dim", "512,1024,2048", "--k", "5,10,20,100"];
  expect(saeOnnx("build-graph", ...sizes, "--out", out).status).toBe(0);
  const emitted = snapshot(out);
  expect(Object.keys(emitted)).toHaveLength(24);
  for (const [name, bytes] of Object.entries(emitted))
    expect(
      bytes === readFileSync(join("graphs", name), "base64"),
      `${name}: run build-graph again and read the diff`,
    ).toBe(true);
});

test("every verb has help with an example that starts with its name", () => {
  for (const verb of ["build-graph", "train", "export", "verify", "eval", "report", "inspect"]) {
    const { status, stdout } = saeOnnx(verb, "--help");
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, " "), verb).toContain(`Examples: sae-onnx ${verb}`);
  }
});
