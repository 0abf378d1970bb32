import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { readSafetensors, toTensor, writeSafetensors } from "../../src/data/safetensors.ts";
import { freeze } from "../../src/export/freeze.ts";
import { readSource } from "../../src/import/files.ts";
import { importSae } from "../../src/import/index.ts";
import { writers } from "../../src/import/write.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/node.ts";
import { trainConfig } from "../../src/sae/config.ts";
import { parametersOf } from "../../src/sae/spec.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { complaint } from "../data/helpers.ts";

const root = "test/fixtures/pretrained";
const pathOf = (folder: string) =>
  folder === "experiment" ? join(root, folder, "pos3_layer14_d24_k4.pt") : join(root, folder);

describe.each(readdirSync(root))("%s", (folder) => {
  test("computes what an independent float64 forward pass does, also after a round trip", async () => {
    const read = importSae(await readSource(pathOf(folder)));
    const checkpoint = readCheckpoint(writeCheckpoint(read), folder);
    expect(checkpoint).toEqual(read);
    const { tensors } = readSafetensors(readFileSync(join(root, folder, "expected.safetensors")), folder);
    const expected = (name: string) => toTensor(tensors.get(name)!);
    const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
    const { dims, data } = expected("x");
    const outputs = await session.run({
      activations: tensor("float32", dims, Float32Array.from(data as Float64Array)),
    });
    await session.release();
    for (const name of ["latents", "reconstruction"]) {
      const wanted = expected(name);
      expect(outputs[name]!.dims).toEqual(wanted.dims);
      const values = wanted.data as Float64Array;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeGreaterThan(1);
      const off = values.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - Number(outputs[name]!.data[i]))),
        0,
      );
      expect(off / largest).toBeLessThan(1e-5);
      const zeros = (all: ArrayLike<number | bigint>) => Array.from(all, (one) => Number(one) === 0);
      if (name === "latents") expect(zeros(outputs[name]!.data)).toEqual(zeros(values));
    }
  });

  test("is called after its source", async () => {
    const { config, layer } = importSae(await readSource(pathOf(folder)));
    expect(folder).toMatch(new RegExp(`^${config.preset}`));
    expect(layer).toBe(folder === "experiment" ? 14 : null);
  });
});

/** A fixture with its cfg.json changed: `undefined` takes a key out. */
async function changed(folder: string, cfg: Record<string, unknown>) {
  const source = await readSource(join(root, folder));
  const old = JSON.parse(new TextDecoder().decode(source.files.get("cfg.json")));
  const text = new TextEncoder().encode(JSON.stringify({ ...old, ...cfg }));
  return { ...source, files: new Map([...source.files, ["cfg.json", text]]) };
}

test.each<[string, Record<string, unknown>, string]>([
  ["saelens-standard", { normalize_activations: "layer_norm" }, 'normalize_activations is "layer_norm": not supported'],
  ["saelens-standard", { reshape_activations: "hook_z" }, 'reshape_activations is "hook_z"'],
  ["saelens-standard", { architecture: "gated" }, 'architecture is "gated"'],
  ["saelens-standard", { architecture: "batchtopk" }, 'architecture is "batchtopk"'],
  ["saelens-standard", { temperature: 2 }, "temperature"],
  ["saelens-standard", { k: 3 }, "architecture standard with k 3"],
  ["saelens-topk", { k: undefined }, "architecture topk with k missing"],
  ["saelens-topk", { k: 25 }, "k must be an integer from 1 to latentDim = 24, got 25"],
  ["saelens-topk", { d_sae: 25 }, "says d_in 12 and d_sae 25, W_enc is [12, 24]"],
  ["saelens-topk", { architecture: "jumprelu", k: undefined }, 'tensor "threshold" is missing'],
  ["saelens-jumprelu", { architecture: "standard" }, 'tensor "threshold" is not supported'],
  ["saelens-topk", { metadata: { sae_lens_version: "5.1.0" } }, "is of SAELens 5.1.0"],
  ["sparsify", { activation: "groupmax" }, 'activation is "groupmax": not supported'],
  ["sparsify", { transcode: true }, "transcode is true: not supported"],
  ["sparsify", { skip_connection: true }, "skip_connection is true: not supported"],
  ["sparsify", { num_latents: 23 }, "says d_in 12 and 23 latents, encoder.weight is [24, 12]"],
  ["sparsify", { k: "four" }, 'k is "four"'],
])("%s with %j is refused by name", async (folder, cfg, message) => {
  const source = await changed(folder, cfg);
  expect(complaint(() => importSae(source))).toContain(message);
});

test("files that are cut short, and tensors of other shapes, are refused", async () => {
  for (const folder of readdirSync(root)) {
    const source = await readSource(pathOf(folder));
    for (const [name, bytes] of source.files) {
      const files = new Map([...source.files, [name, bytes.subarray(0, bytes.length - 60)]]);
      expect(complaint(() => importSae({ ...source, files }))).toContain(source.path);
    }
  }
  const source = await readSource(join(root, "sparsify"));
  const { tensors } = readSafetensors(source.files.get("sae.safetensors")!, "a");
  const all = Object.fromEntries([...tensors].map(([name, one]) => [name, toTensor(one)]));
  const weights = writeSafetensors({ ...all, b_dec: tensor("float32", [13], new Float32Array(13)) });
  const files = new Map([...source.files, ["sae.safetensors", weights]]);
  expect(complaint(() => importSae({ ...source, files }))).toContain("b_dec is [13], W_enc makes it [12]");
});

test("a folder of no known format says which there are", async () => {
  const source = await readSource("src");
  expect(complaint(() => importSae(source))).toContain("src: none of the formats that can be imported");
});

const formatFiles = (files: Readonly<Record<string, Uint8Array | string>>) => ({
  path: "back",
  files: new Map(
    Object.entries(files).map(([name, one]) => [name, typeof one === "string" ? new TextEncoder().encode(one) : one]),
  ),
});

async function outputs(checkpoint: Parameters<typeof freeze>[0]) {
  const rng = random(3, "rows");
  const x = tensor(
    "float32",
    [20, 12],
    Float32Array.from({ length: 240 }, () => rng.normal()),
  );
  const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
  const { latents, reconstruction } = await session.run({ activations: x });
  await session.release();
  return [...(latents!.data as Float32Array), ...(reconstruction!.data as Float32Array)];
}

/** A trained checkpoint's stand-in: random weights. */
function trained(architecture: string, preset: string, options = {}) {
  const dims = { inputDim: 12, latentDim: 24 };
  const config = trainConfig({ architecture, preset, ...dims, options: { k: 4, ...options }, epochs: 1 });
  const rng = random(5, "weights");
  const tensors = Object.fromEntries(
    Object.entries(parametersOf(config)).map(([name, { shape }]) => [
      name,
      tensor(
        "float32",
        shape,
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.normal()),
      ),
    ]),
  );
  return { config, tensors, epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null, metrics: {} };
}

describe("export --format", () => {
  test.each(["saelens-standard", "saelens-jumprelu", "saelens-topk", "gemma-scope", "sparsify"])(
    "%s comes back from SAELens as it went",
    async (folder) => {
      const checkpoint = importSae(await readSource(pathOf(folder)));
      const back = importSae(formatFiles(writers.saelens(checkpoint, "a")));
      expect(back.tensors).toEqual(checkpoint.tensors);
      expect(back.config.options).toEqual(checkpoint.config.options);
    },
  );

  test.each([
    ["the experiment's", async () => importSae(await readSource(pathOf("experiment")))],
    ["sparsify signed", async () => importSae(await readSource(pathOf("sparsify-signed")))],
    ["topk report", async () => trained("topk", "report")],
    ["topk original", async () => trained("topk", "original")],
    ["topk-relu", async () => trained("topk-relu", "gao2024")],
  ] as const)("%s computes the same as sparsify, whose b_dec is taken off the input", async (_, make) => {
    const checkpoint = await make();
    const wanted = await outputs(checkpoint);
    const back = await outputs(importSae(formatFiles(writers.sparsify(checkpoint, "a"))));
    const largest = Math.max(...wanted.map(Math.abs));
    expect(Math.max(...wanted.map((value, i) => Math.abs(value - back[i]!))) / largest).toBeLessThan(1e-5);
  });

  test("what a format cannot express is refused with the reason", async () => {
    expect(complaint(() => writers.saelens(trained("topk", "report"), "a"))).toContain("selects them by magnitude");
    const raw = trained("topk", "report", { select: "value" });
    expect(complaint(() => writers.saelens(raw, "a"))).toContain("below zero");
    expect(complaint(() => writers.sparsify(raw, "a"))).toContain("top-k of ReLU or of magnitude only");
    const jump = importSae(await readSource(pathOf("gemma-scope")));
    expect(complaint(() => writers.sparsify(jump, "a"))).toContain("this is pretrained-jumprelu");
  });
});
