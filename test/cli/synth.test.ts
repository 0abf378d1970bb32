import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { halfToFloat32 } from "../../src/data/half.ts";
import { readSafetensors, toTensor, writeSafetensors } from "../../src/data/safetensors.ts";
import { recipes } from "../../src/data/synthetic/index.ts";
import { synthesize } from "../../src/data/synthetic/synthesize.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const small = ["--rows", "300", "--input-dim", "16", "--features", "24", "--mean-active", "3", "--seed", "5"];
const synth = (...args: string[]) => saeOnnx("synth", "--quiet", ...args);
const read = (name: string) => readSafetensors(readFileSync(at(name)), name);

describe.sequential("synth", () => {
  test("writes activations, split and dictionary, and in the metadata that they are synthetic and how they were made", () => {
    const { status, stdout, stderr } = synth("--out", at("acts.safetensors"), ...small, "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const { tensors, metadata } = read("acts.safetensors");
    const made = synthesize({ rows: 300, inputDim: 16, features: 24, meanActive: 3, seed: 5 });
    expect([...tensors.keys()]).toEqual(["activations", "split", "true_features"]);
    expect(toTensor(tensors.get("activations")!)).toEqual(made.activations);
    expect(toTensor(tensors.get("split")!)).toEqual(made.split);
    expect(toTensor(tensors.get("true_features")!)).toEqual(made.trueFeatures);
    expect(metadata).toMatchObject({ synthetic: "true", seed: "5" });
    const { seed: _, ...recipe } = made.parameters;
    expect(JSON.parse(metadata.recipe!)).toEqual(recipe);
    expect(JSON.parse(stdout)).toMatchObject({ path: at("acts.safetensors"), dtype: "float32", ...made.parameters });
  });

  test("the same command gives the same bytes, another seed others", () => {
    expect(synth("--out", at("again.safetensors"), ...small).status).toBe(0);
    expect(synth("--out", at("other.safetensors"), ...small.with(-1, "6")).status).toBe(0);
    const [a, b, c] = ["acts", "again", "other"].map((name) => readFileSync(at(`${name}.safetensors`)));
    expect(a!.equals(b!)).toBe(true);
    expect(a!.equals(c!)).toBe(false);
  });

  test("float16 holds the same activations, rounded", () => {
    expect(synth("--out", at("half.safetensors"), ...small, "--dtype", "float16").status).toBe(0);
    const half = toTensor(read("half.safetensors").tensors.get("activations")!);
    const full = toTensor(read("acts.safetensors").tensors.get("activations")!).data as Float32Array;
    expect(half.dtype).toBe("float16");
    for (const [i, v] of halfToFloat32(half.data as Uint16Array).entries())
      expect(Math.abs(v - full[i]!)).toBeLessThanOrEqual(Math.abs(full[i]!) * 2 ** -11 + 2 ** -24);
  });

  test("what is there is kept: again the same is fine, something else needs --force", () => {
    const before = readFileSync(at("acts.safetensors"));
    expect(synth("--out", at("acts.safetensors"), ...small).status).toBe(0);
    const other = ["--out", at("acts.safetensors"), ...small.with(-1, "6")];
    const refused = synth(...other);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^error: .*acts\.safetensors: is there and holds something else; use --force.*\n$/);
    expect(readFileSync(at("acts.safetensors")).equals(before)).toBe(true);
    expect(synth(...other, "--force").status).toBe(0);
    expect(readFileSync(at("acts.safetensors")).equals(readFileSync(at("other.safetensors")))).toBe(true);
  });

  test("train and eval measure the recovery of its dictionary, and say that the data are synthetic", () => {
    const data = ["--data", at("again.safetensors")];
    const sizes = ["--latent-dim", "32", "--k", "3", "--epochs", "3", "--batch-size", "32"];
    const json = (text: string) => JSON.parse(text);
    const trained = saeOnnx("train", ...data, ...sizes, "--out", at("models"), "--quiet", "--json");
    expect(trained.status, trained.stderr).toBe(0);
    const { rows, data: info } = json(trained.stdout);
    expect(info).toMatchObject({ synthetic: true, train_rows: 240, validation_rows: 60 });
    expect(rows[0].splits).toMatchObject({ recovered_features: "all", mean_max_cosine: "all" });

    // By the definition, from the checkpoint and the latents that fired.
    const { tensors } = read("models/sae_d32_k3.safetensors");
    const { frequency } = json(readFileSync(at("models/sae_d32_k3.latents.json"), "utf8"));
    const firing = frequency.map((share: number) => share > 0);
    const rowsOf = (data: Float32Array) =>
      Array.from({ length: data.length / 16 }, (_, i) => data.subarray(16 * i, 16 * i + 16));
    const decoder = rowsOf(toTensor(tensors.get("W_dec")!).data as Float32Array).filter((_, i) => firing[i]);
    const dictionary = rowsOf(toTensor(read("again.safetensors").tensors.get("true_features")!).data as Float32Array);
    const best = dictionary.map((f) =>
      Math.max(...decoder.map((row) => row.reduce((sum, v, i) => sum + v * f[i]!, 0) / Math.hypot(...row))),
    );
    expect(rows[0].recovered_features).toBe(best.filter((cosine) => cosine >= 0.9).length);
    expect(rows[0].mean_max_cosine).toBeCloseTo(best.reduce((sum, v) => sum + v, 0) / best.length, 5);

    const [again] = json(saeOnnx("eval", at("models/sae_d32_k3.autoencoder.onnx"), ...data, "--json").stdout).rows;
    for (const key of ["recovered_features", "mean_max_cosine"]) expect(again[key], key).toBe(rows[0][key]);
  });

  test("--recipe synthsaebench: latents are judged as detectors, the same from one file and from shards", () => {
    const sizes = ["--rows", "900", "--input-dim", "16", "--features", "48", "--roots", "4", "--depth", "2"];
    const frequent = ["--min-probability", "0.05", "--recipe", "synthsaebench"];
    expect(synth("--out", at("tree.safetensors"), ...sizes, ...frequent).status).toBe(0);
    const { tensors, metadata } = read("tree.safetensors");
    expect([...tensors.keys()].sort()).toEqual(
      ["activations", "split", "true_active", "true_features", "true_parents"].sort(),
    );
    expect(metadata.recipe_name).toBe("synthsaebench");
    const run = ["--latent-dim", "32", "--k", "4", "--epochs", "4", "--quiet", "--json"];
    const trained = saeOnnx("train", "--data", at("tree.safetensors"), ...run, "--out", at("tree"));
    expect(trained.status, trained.stderr).toBe(0);
    const [row] = JSON.parse(trained.stdout).rows;
    expect(row.splits).toMatchObject({ mcc: "all", uniqueness: "all", feature_f1: "validation" });
    for (const key of ["mcc", "uniqueness", "feature_precision", "feature_recall", "feature_f1"])
      expect(row[key], key).toBeGreaterThan(0.05);
    // The rows of the second shard are other ones: what is compared is one set, whole and in parts.
    expect(synth("--out", at("parts"), "--shards", "3", ...sizes, ...frequent).status).toBe(0);
    const model = at("tree/sae_d32_k4.autoencoder.onnx");
    const measure = (data: string, ...more: string[]) =>
      JSON.parse(saeOnnx("eval", model, "--data", at(data), ...more, "--json").stdout).rows[0];
    const first = measure("parts/shard-0.safetensors", "--train-rows", "200");
    expect(first.feature_f1).toBeGreaterThan(0.05);
    const whole = join(folder, "joined.safetensors");
    const shards = [0, 1, 2].map((shard) => read(`parts/shard-${shard}.safetensors`).tensors);
    const joined = (name: string) => {
      const all = shards.map((tensors) => toTensor(tensors.get(name)!) as HostTensor<"int32">);
      const most = Math.max(...all.map(({ dims }) => dims[1] ?? 1));
      const rows = all.flatMap(({ dims, data }) =>
        Array.from({ length: dims[0]! }, (_, row) => {
          const width = dims[1] ?? 1;
          const own = [...data.subarray(row * width, (row + 1) * width)];
          return [...own, ...Array<number>(most - width).fill(-1)];
        }),
      );
      const dims = all[0]!.dims.length === 1 ? [rows.length] : [rows.length, most];
      const Type = all[0]!.data.constructor as unknown as { from(values: number[]): Int32Array<ArrayBuffer> };
      return tensor(all[0]!.dtype, dims, Type.from(rows.flat()));
    };
    const [{ true_features, true_parents }] = [Object.fromEntries(shards[0]!)];
    const own = { true_features: toTensor(true_features!), true_parents: toTensor(true_parents!) };
    const rows = { activations: joined("activations"), split: joined("split"), true_active: joined("true_active") };
    writeFileSync(whole, writeSafetensors({ ...rows, ...own }, { synthetic: "true" }));
    const [inParts, inOne] = [measure("parts"), measure("joined.safetensors")];
    for (const key of ["mcc", "uniqueness", "feature_precision", "feature_recall", "feature_f1", "absorption_rate"])
      expect(inParts[key], key).toBe(inOne[key]);
  });
});

test.each<[string, string[], RegExp]>([
  ["no file", [], /--out is missing/],
  ["another format", ["--out", at("bad.npy")], /--out: must end in \.safetensors, got/],
  [
    "too few rows",
    ["--out", at("bad.safetensors"), "--rows", "1"],
    /error: --rows must be an integer of at least 2, got 1/,
  ],
  ["no number", ["--out", at("bad.safetensors"), "--noise", "much"], /noise must be a number from 0 to 10, got NaN/],
  ["a negative seed", ["--out", at("bad.safetensors"), "--seed=-1"], /seed must be an integer of at least 0, got -1/],
  [
    "too much",
    ["--out", at("bad.safetensors"), "--rows", "1e9"],
    /rows = 1000000000 by --input-dim = 2048 are more than/,
  ],
  [
    "a type",
    ["--out", at("bad.safetensors"), "--dtype", "int8"],
    /--dtype must be one of float32, float16, got "int8"/,
  ],
  [
    "more than float16 holds",
    ["--out", at("bad.safetensors"), ...small, "--variance", "1e10", "--dtype", "float16"],
    /float16: some activations are above 65504/,
  ],
  [
    "train rows",
    ["--out", at("bad.safetensors"), ...small, "--train-rows", "300"],
    /error: --train-rows must be from 1 to 299/,
  ],
])("%s: one line, exit code 1, no file", (_what, args, message) => {
  const { status, stdout, stderr } = synth(...args);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain("unexpected");
  expect([status, stdout]).toEqual([1, ""]);
  expect(existsSync(at("bad.safetensors"))).toBe(false);
});

test("its help lists every number of every recipe with its default", () => {
  const help = saeOnnx("synth", "--help").stdout.replace(/\s+/g, " ");
  expect(help).toContain("Examples: sae-onnx synth");
  for (const [recipe, { numbers }] of Object.entries(recipes))
    for (const [name, { default: usual }] of Object.entries(numbers)) {
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const told = recipe === "stand-in" ? `\\[default: ${usual}` : `${recipe}: ${usual}\\]`;
      expect(help).toMatch(new RegExp(`--${flag} [^[]*${told.startsWith("\\[") ? told : `\\[default: .*?${told}`}`));
    }
});

test("a folder that is a file is refused after all else", () => {
  writeFileSync(at("a-file"), "in the way");
  const { status, stderr } = synth("--out", join(at("a-file"), "acts.safetensors"), ...small);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: .*a-file.*not a folder; use another path\n$/);
});
