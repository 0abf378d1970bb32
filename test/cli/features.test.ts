import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeNpy } from "../../src/data/npy.ts";
import { readSafetensors } from "../../src/data/safetensors.ts";
import { toTensor } from "../../src/data/stored.ts";
import type { FeatureJson } from "../../src/features/featureJson.ts";
import { zeros } from "../../src/util/tensor.ts";
import { saeOnnx, snapshot, temporaryFolder } from "./run.ts";

const fixtures = "test/fixtures/features";
const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const model = at("both-signs.onnx");

beforeAll(() => {
  for (const name of ["both-signs.onnx", "rows.npy", "rows.labels.jsonl", "unembedding.npy", "tokens.json"])
    copyFileSync(join(fixtures, name), at(name));
});

const run = (...args: string[]) => saeOnnx("features", model, "--data", at("rows.npy"), "--quiet", ...args);
const latentsIn = (out: string): FeatureJson[] =>
  readFileSync(join(out, "latents.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("sae-onnx features", () => {
  test("says what there is, and writes every format", () => {
    const out = at("all");
    const { status, stdout, stderr } = run("--out", out, "--format", "json,explorer,neuronpedia");
    expect(status, stderr).toBe(0);
    expect(stdout).toContain("10 latents on 384 rows of rows.npy in 48 texts");
    expect(stdout).toContain(`open ${join(out, "index.html")}`);
    const names = ["features.json", "latents.jsonl", "index.html", "explorer/list.js", "explorer/latents/9.js"];
    for (const name of [...names, "neuronpedia/batch-0.json"]) expect(existsSync(join(out, name)), name).toBe(true);
    expect(latentsIn(out).map(({ latent }) => latent)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("with --json prints the summary alone; written again, a folder of its own is replaced", () => {
    const out = at("again");
    const first = run("--out", out, "--format", "json", "--json");
    expect(JSON.parse(first.stdout)).toEqual(JSON.parse(readFileSync(join(out, "features.json"), "utf8")));
    const before = snapshot(out);
    expect(run("--out", out, "--format", "json").status).toBe(0);
    expect(snapshot(out)).toEqual(before);
  });

  test("--where takes labels along with their rows", () => {
    const out = at("where");
    expect(run("--out", out, "--format", "json", "--where", "topic=sea").status).toBe(0);
    const [latent] = latentsIn(out);
    const sea = readFileSync(at("rows.labels.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((one) => JSON.parse(one))
      .filter(({ topic }) => topic === "sea");
    for (const { row, tokens, at } of latent!.top) expect(tokens![at!]).toBe(sea[row].token);
    expect(JSON.parse(readFileSync(join(out, "features.json"), "utf8")).left_out).toContainEqual({
      name: "topic",
      why: "it has one value in all rows",
    });
  });

  test("shards have their labels beside each", () => {
    const whole = at("one");
    expect(run("--out", whole, "--format", "json", "--train-rows", "200").status).toBe(0);
    mkdirSync(at("set"), { recursive: true });
    const bytes = readFileSync(at("rows.npy"));
    const rows = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + bytes.length - 384 * 6 * 4, bytes.byteOffset + bytes.length),
    );
    const labels = readFileSync(at("rows.labels.jsonl"), "utf8").trimEnd().split("\n");
    for (const [i, from] of [0, 100].entries()) {
      const to = i === 0 ? 100 : 384;
      const part = { dtype: "float32", dims: [to - from, 6], data: rows.slice(from * 6, to * 6) } as const;
      writeFileSync(at("set", `${i}.npy`), writeNpy(part));
      writeFileSync(at("set", `${i}.labels.jsonl`), labels.slice(from, to).join("\n"));
    }
    const out = at("shards");
    const args = ["--out", out, "--format", "json", "--train-rows", "200", "--quiet"];
    const { status, stderr } = saeOnnx("features", model, "--data", at("set"), ...args);
    expect(status, stderr).toBe(0);
    expect(latentsIn(out)).toEqual(latentsIn(whole));
  });
});

describe("planted truth", () => {
  test("a latent that found a feature names the label of that feature", () => {
    const data = at("planted.safetensors");
    const sizes = "--recipe synthsaebench --rows 6000 --input-dim 48 --features 32 --seed 3".split(" ");
    const alone = "--roots 0 --correlation-scale 0 --min-probability 0.05 --max-probability 0.15".split(" ");
    expect(saeOnnx("synth", "--out", data, ...sizes, ...alone).status).toBe(0);
    const { tensors } = readSafetensors(readFileSync(data), data);
    const numbers = (name: string) => toTensor(tensors.get(name)!);
    const [active, truth] = [numbers("true_active"), numbers("true_features")];
    const most = active.dims[1]!;
    const has = (row: number, feature: number) =>
      active.data.subarray(row * most, (row + 1) * most).includes(feature as never);
    writeFileSync(
      at("planted.labels.jsonl"),
      Array.from({ length: 6000 }, (_, row) =>
        JSON.stringify(Object.fromEntries(Array.from({ length: 32 }, (_, f) => [`f${f}`, has(row, f)]))),
      ).join("\n"),
    );
    const sae = ["--architecture", "topk-relu", "--latent-dim", "48", "--k", "4", "--epochs", "40"];
    expect(
      saeOnnx("train", "--data", data, ...sae, "--learning-rate", "0.003", "--quiet", "--out", at("models")).status,
    ).toBe(0);
    const frozen = at("models", "sae_d48_k4.autoencoder.onnx");
    const out = at("planted");
    expect(saeOnnx("features", frozen, "--data", data, "--out", out, "--format", "json", "--quiet").status).toBe(0);
    const checkpoint = at("models", "sae_d48_k4.safetensors");
    const decoder = toTensor(readSafetensors(readFileSync(checkpoint), checkpoint).tensors.get("W_dec")!);
    const row = (of: typeof decoder, i: number) => Array.from(of.data.subarray(i * 48, (i + 1) * 48), Number);
    const cosine = (a: number[], b: number[]) => {
      const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    let found = 0;
    for (const { latent, attributes, dead } of latentsIn(out)) {
      const cosines = Array.from({ length: 32 }, (_, f) => cosine(row(decoder, latent), row(truth, f)));
      const feature = cosines.indexOf(Math.max(...cosines));
      if (dead || cosines[feature]! < 0.95) continue;
      found++;
      const best = attributes
        .flatMap(({ name, values }) => values.map((one) => ({ ...one, name })))
        .filter(({ value, lift }) => value === "true" && lift > 1)
        .sort((a, b) => b.mutual_information - a.mutual_information)[0]!;
      expect(best.name, `latent ${latent}`).toBe(`f${feature}`);
      expect(best.q).toBeLessThan(1e-6);
    }
    expect(found).toBeGreaterThanOrEqual(32);
  });
});

describe("train and report", () => {
  const out = at("trained");
  const sae = ["--latent-dim", "12", "--k", "2", "--epochs", "3", "--out", out];

  test("name each SAE's strongest texts where labels lie beside the data", () => {
    const { status, stdout, stderr } = saeOnnx("train", "--data", at("rows.npy"), ...sae, "--quiet");
    expect(status, stderr).toBe(0);
    const { latents, rows } = JSON.parse(readFileSync(join(out, "sae_d12_k2.texts.json"), "utf8"));
    expect(rows).toBe(384);
    // The row's own token is in brackets, in the text that the labels say.
    const labels = readFileSync(at("rows.labels.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((one) => JSON.parse(one));
    const { row, text } = latents[0].strongest[0];
    const from = row - (row % 8);
    const words = labels.slice(from, from + 8).map(({ token }, i) => (from + i === row ? ` [${token.trim()}]` : token));
    expect(words.join("")).toContain(text.replace(/ …$/, ""));
    expect(stdout).toContain(`sae_d12_k2: latent ${latents[0].latent} is strongest in: ${text}`);
    const page = at("report");
    expect(saeOnnx("report", join(out, "sae.metrics.json"), "--out", page, "--quiet").status).toBe(0);
    const html = readFileSync(join(page, "index.html"), "utf8");
    expect(html).toContain("What latents respond to");
    expect(html).not.toContain('<b>&"China"');
    writeFileSync(join(out, "sae_d12_k2.texts.json"), '{"version":2}');
    const refused = saeOnnx("report", join(out, "sae.metrics.json"), "--out", page, "--quiet");
    expect([refused.status, refused.stderr.trimEnd().split("\n").length]).toEqual([1, 1]);
    expect(refused.stderr).toContain("sae_d12_k2.texts.json: version");
  });

  test("train ends well where labels do not fit, and says why there are no texts", () => {
    copyFileSync(at("rows.npy"), at("unlabelled.npy"));
    writeFileSync(at("unlabelled.labels.jsonl"), "{}\n");
    const args = ["train", "--data", at("unlabelled.npy"), ...sae.slice(0, -1), at("unlabelled")];
    const { status, stderr } = saeOnnx(...args, "--quiet");
    expect(status).toBe(0);
    expect(stderr).toContain("no texts: ");
    expect(stderr).toContain("unlabelled.labels.jsonl: 1 labels for 384 rows");
    expect(existsSync(at("unlabelled", "sae_d12_k2.texts.json"))).toBe(false);
  });
});

describe("bad input ends in one line, and nothing is lost", () => {
  const refused = (args: readonly string[], ...said: string[]) => {
    const out = at("kept");
    expect(existsSync(join(out, "features.json")) || run("--out", out, "--format", "json").status === 0).toBe(true);
    const before = snapshot(out);
    const { status, stdout, stderr } = saeOnnx("features", ...args, "--out", out, "--quiet");
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    for (const one of said) expect(stderr).toContain(one);
    expect(snapshot(out)).toEqual(before);
    expect(Object.keys(snapshot(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
  };
  const rows = () => ["--data", at("rows.npy")];

  test("labels of another length than the data", () => {
    copyFileSync(at("rows.npy"), at("short.npy"));
    writeFileSync(at("short.labels.jsonl"), '{"token":"a"}\n{"token":"b"}\n');
    refused([model, "--data", at("short.npy")], "short.labels.jsonl: 2 labels for 384 rows");
    writeFileSync(at("short.labels.jsonl"), '{"token":"a"}\n'.repeat(385));
    refused([model, "--data", at("short.npy")], "short.labels.jsonl: 385 labels for 384 rows");
  });

  test("a label that is no object", () => {
    copyFileSync(at("rows.npy"), at("odd.npy"));
    writeFileSync(at("odd.labels.jsonl"), `${'{"token":"a"}\n'.repeat(3)}\n${"[]\n".repeat(381)}`);
    refused([model, "--data", at("odd.npy")], "odd.labels.jsonl: line 4");
  });

  test("a model of another width", () => {
    writeFileSync(at("wide.npy"), writeNpy(zeros("float32", [10, 7])));
    refused([model, "--data", at("wide.npy")], "both-signs.onnx: takes activations 6 wide, the data are 7 wide");
  });

  test("an unembedding of another width, one transposed, and tokens of another one", () => {
    writeFileSync(at("u7.npy"), writeNpy(zeros("float32", [14, 7])));
    refused([model, ...rows(), "--unembedding", at("u7.npy")], "u7.npy: an unembedding [14, 7]", "6 wide");
    writeFileSync(at("ut.npy"), writeNpy(zeros("float32", [6, 14])));
    refused([model, ...rows(), "--unembedding", at("ut.npy")], "transpose it");
    writeFileSync(at("many.txt"), "a\n".repeat(15));
    refused([model, ...rows(), "--unembedding", at("unembedding.npy"), "--tokenizer", at("many.txt")], "15 tokens");
    writeFileSync(at("no.json"), '{"a":1}');
    refused([model, ...rows(), "--tokenizer", at("no.json")], "no.json: neither a tokenizer.json");
  });

  test("flags that cannot be", () => {
    refused([model, ...rows(), "--format", "html"], '"html" is none of json, explorer, neuronpedia');
    refused([model, ...rows(), "--top", "0"], "--top must be an integer from 1 to 100");
    refused([model, ...rows(), "--batch-size", "0.5"], "--batch-size must be an integer");
    refused([model, ...rows(), "--unembedding-tensor", "x"], "needs --unembedding");
    refused([at("rows.npy"), ...rows()], "rows.npy");
  });

  test("a folder that holds something else stays as it is", () => {
    mkdirSync(at("own"));
    writeFileSync(at("own", "thesis.txt"), "mine");
    const { status, stderr } = run("--out", at("own"));
    expect(status).toBe(1);
    expect(stderr).toContain("own: is there and holds other files");
    expect(Object.keys(snapshot(at("own")))).toEqual(["thesis.txt"]);
  });
});
