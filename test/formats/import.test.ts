import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toFloat32, toTensor, writeSafetensors } from "../../src/data/safetensors.ts";
import { freeze } from "../../src/export/freeze.ts";
import { formats, importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { unsigned } from "../../src/formats/unsigned.ts";
import { metadataOf, packModel } from "../../src/onnx/model.ts";
import { measuredRecord } from "../../src/record/measured.ts";
import { trainedRecord } from "../../src/record/trained.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { parametersOf } from "../../src/sae/spec.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { temporaryFolder } from "../cli/run.ts";
import { complaint } from "../data/helpers.ts";
import { early } from "./early.ts";

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

  test("is called after its source, and says where it comes from as far as that is known", async () => {
    const { config, layer, origin } = importSae(await readSource(pathOf(folder)));
    expect(folder).toMatch(new RegExp(`^${config.preset}`));
    expect(layer).toBe({ experiment: 14, "saelens-5-topk": 8, "saelens-2-standard": 3 }[folder] ?? null);
    const gpt2 = { model: "gpt2-small", dataset: "text" };
    const wanted = {
      "saelens-5-jumprelu": gpt2,
      "saelens-5-topk": { ...gpt2, hook: "blocks.8.hook_resid_pre", layer: 8 },
      "saelens-2-standard": { ...gpt2, hook: "blocks.3.hook_mlp_out", layer: 3 },
    }[folder];
    expect(origin).toEqual(wanted ?? (folder.startsWith("saelens") ? { hook: "h" } : undefined));
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
  ["saelens-standard", { normalize_activations: "unit" }, 'normalize_activations is "unit": not supported'],
  ["saelens-standard", { reshape_activations: "heads" }, 'reshape_activations is "heads"'],
  ["saelens-standard", { architecture: "gated" }, 'tensor "b_gate" is missing'],
  ["saelens-standard", { architecture: "batchtopk" }, 'tensor "topk_threshold" is missing'],
  [
    "saelens-standard",
    { architecture: "temporal" },
    'architecture is "temporal": it encodes sequences [batch, position',
  ],
  [
    "saelens-standard",
    { architecture: "phase" },
    'architecture is "phase": not supported here, only standard or gated',
  ],
  ["saelens-standard", { d_out: 12 }, "architecture standard with d_out 12"],
  ["saelens-standard", { max_iterations: 3 }, "max_iterations not supported with standard"],
  [
    "saelens-standard",
    { normalize_activations: "covariance_whitening" },
    "activation_whitening.safetensors is missing",
  ],
  ["saelens-standard", { temperature: 2 }, "temperature"],
  ["saelens-standard", { k: 3 }, "architecture standard with k 3"],
  ["saelens-topk", { k: undefined }, "architecture topk with k missing"],
  ["saelens-topk", { k: 25 }, "k must be an integer from 1 to latentDim = 24, got 25"],
  ["saelens-topk", { d_sae: 25 }, "says d_in 12 and d_sae 25, W_enc is [12, 24]"],
  ["saelens-topk", { architecture: "jumprelu", k: undefined }, 'tensor "threshold" is missing'],
  ["saelens-jumprelu", { architecture: "standard" }, 'tensor "threshold" is not supported'],
  [
    "saelens-topk",
    { metadata: { sae_lens_version: "5.1.0" } },
    "as SAELens writes since version 6, and says version 5.1.0;",
  ],
  ["saelens-topk", { metadata: {} }, "says version nothing; load and save it with"],
  [
    "saelens-standard",
    { normalize_activations: "expected_average_only_in" },
    "give the norm_scaling_factor of its release",
  ],
  ["saelens-standard", { apply_b_dec_to_input: undefined }, "apply_b_dec_to_input is missing"],
  ["saelens-jumprelu", { rescale_acts_by_decoder_norm: true }, "is not supported with jumprelu"],
  ["saelens-topk", { architecture: "matryoshka_batchtopk" }, 'tensor "topk_threshold" is missing'],
  ["saelens-topk", { architecture: "transcoder", d_out: 12 }, "architecture transcoder with k 4"],
  ["saelens-standard", { architecture: "transcoder", d_out: 12 }, "apply_b_dec_to_input is true"],
  ["saelens-standard", { architecture: "transcoder", apply_b_dec_to_input: false }, "transcoder with d_out missing"],
  ["saelens-topk", { k: 2.5 }, "k is 2.5"],
  ["saelens-abstopk", { k: undefined }, "architecture abstopk with k missing"],
  ["saelens-5-topk", { activation_fn_str: "tanh-relu" }, 'activation_fn_str is "tanh-relu": not supported here'],
  ["saelens-5-topk", { activation_fn_str: undefined }, "architecture standard with k 4"],
  ["saelens-5-topk", { activation_fn_kwargs: {} }, "architecture topk with k missing"],
  ["saelens-5-topk", { activation_fn_kwargs: { k: 4, postact_fn: "x" } }, "postact_fn"],
  ["saelens-5-topk", { activation_fn: "relu" }, "activation_fn_str is topk and activation_fn relu"],
  ["saelens-5-topk", { finetuning_scaling_factor: false }, '"scaling_factor" is not all ones, and cfg.json says'],
  ["saelens-5-topk", { normalize_activations: true }, "--norm-factor (1: unscaled, as SAELens loads such a folder"],
  ["saelens-5-topk", { architecture: "gated" }, "architecture gated with the activation topk contradict"],
  ["saelens-5-topk", { architecture: "jumprelu" }, "architecture jumprelu with the activation topk contradict"],
  ["saelens-5-topk", { l1_coefficients: 1 }, '"l1_coefficients" not known here, and may change what the SAE computes'],
  ["saelens-5-jumprelu", { finetuning_scaling_factor: true }, 'tensor "scaling_factor" is missing'],
  ["saelens-5-jumprelu", { activation_fn_kwargs: { k: 3 } }, "architecture jumprelu with k 3"],
  ["sparsify", { ema: 1 }, "ema"],
  ["sparsify-signed", { signed: "yes" }, 'signed is "yes"'],
  ["sparsify", { activation: "relu" }, 'activation is "relu": not supported'],
  [
    "sparsify",
    { activation: "groupmax", k: 5 },
    "groupmax needs groups of one size: latentDim = 24 is no multiple of k = 5",
  ],
  ["sparsify-signed", { activation: "groupmax" }, "signed with activation groupmax"],
  ["sparsify", { transcode: "yes" }, 'transcode is "yes"'],
  ["sparsify", { skip_connection: true }, 'tensor "W_skip" is missing'],
  ["sparsify", { num_latents: 23 }, "says d_in 12 and 23 latents, encoder.weight is [24, 12]"],
  ["sparsify", { k: "four" }, 'k is "four"'],
])("%s with %j is refused by name", async (folder, cfg, message) => {
  const source = await changed(folder, cfg);
  expect(complaint(() => importSae(source))).toContain(message);
});

const nothing = Object.fromEntries(
  ["activation_fn", "normalize_activations", "sae_lens_training_version", "prepend_bos"].map((key) => [key, undefined]),
);

test.each<[string, Record<string, unknown>]>([
  ["without a word of its activation", { ...nothing, ...early }],
  ["with its activation", { ...nothing, ...early, activation_fn_str: "relu", architecture: "standard" }],
  [
    "of a later version",
    { ...nothing, hook_eval: "NOT_IN_USE", model_class_name: "HookedTransformer", activation_fn: "relu" },
  ],
  ["with settings of its decoder's training", { normalize_sae_decoder: true, noise_scale: 0 }],
  ["with no settings of its activation", { activation_fn_kwargs: null }],
])("what SAELens saved of a training is no obstacle: %s", async (_, cfg) => {
  const given = await changed("saelens-2-standard", { hook_point: undefined, hook_point_layer: undefined, ...cfg });
  const wanted = importSae(await readSource(pathOf("saelens-2-standard")));
  const found = importSae(given);
  expect(found.config).toEqual(wanted.config);
  expect(await outputs(found)).toEqual(await outputs(wanted));
  if ("hook_point" in cfg) expect(found.origin).toMatchObject({ model: "gpt2-small", hook: cfg.hook_point, layer: 0 });
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

/** A fixture with another file beside its own, or in the place of one. */
async function withFile(folder: string, name: string, content: Uint8Array | string) {
  const source = await readSource(join(root, folder));
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { ...source, files: new Map([...source.files, [name, bytes]]) };
}

test("what inputs were multiplied by in a training run is never left out silently", async () => {
  const scaled = (text: string) => withFile("saelens-standard", "activation_scaler.json", text);
  expect(importSae(await scaled('{"scaling_factor": null}')).config.preset).toBe("saelens");
  for (const [text, message] of [
    [
      '{"scaling_factor": 1.25}',
      "inputs were multiplied by 1.25, and normalize_activations is not expected_average_only_in",
    ],
    ['{"scaling_factor": -1}', "activation_scaler.json: scaling_factor is -1"],
    ['{"scaling_factor": null, "shift": 2}', '"shift" not known here'],
  ] as const) {
    const refused = await scaled(text);
    expect(complaint(() => importSae(refused))).toContain(message);
  }
  const asks = await changed("saelens-standard", { normalize_activations: "expected_average_only_in" });
  const [plain, doubled] = [1, 2].map((normFactor) => importSae({ ...asks, normFactor }).tensors);
  expect(doubled!.W_enc!.data).toEqual(plain!.W_enc!.data.map((value) => 2 * value));
  expect(doubled!.b_dec!.data).toEqual(plain!.b_dec!.data.map((value) => value / 2));
  expect(doubled!.b_enc!.data).toEqual(plain!.b_enc!.data);
});

test("an SAE of SAELens 6 comes from where its metadata say; what is no text or number is left out", async () => {
  const metadata = {
    ...{ sae_lens_version: "6.18.0", model_name: "gpt2", hook_name: "blocks.2.hook_z", hook_head_index: null },
    ...{ neuronpedia_id: "gpt2/2-x", dataset_path: { name: "a" }, context_size: 128 },
  };
  const { origin, layer } = importSae(await changed("saelens-topk", { metadata }));
  expect(origin).toEqual({ model: "gpt2", hook: "blocks.2.hook_z", neuronpedia_id: "gpt2/2-x" });
  expect(layer).toBeNull();
  const of = importSae(await changed("saelens-topk", { metadata: { ...metadata, hook_layer: 2 } }));
  expect([of.origin!.layer, of.layer]).toEqual([2, 2]);
  expect(importSae(await changed("saelens-topk", { metadata: { sae_lens_version: "6.18.0" } }))).not.toHaveProperty(
    "origin",
  );
});

test("an SAE of sparsify comes from the hookpoint its folder is called after, where the run's settings say so", async () => {
  const run = temporaryFolder();
  const folder = join(run, "layers.10");
  cpSync(join(root, "sparsify"), folder, { recursive: true });
  const originWith = async (config: string) => {
    writeFileSync(join(run, "config.json"), config);
    return importSae(await readSource(folder)).origin;
  };
  const settings = { model: "HuggingFaceTB/SmolLM2-135M", dataset: "EleutherAI/x", hookpoints: ["layers.10"], k: 4 };
  expect(await originWith(JSON.stringify(settings))).toEqual({
    model: "HuggingFaceTB/SmolLM2-135M",
    hook: "layers.10",
    dataset: "EleutherAI/x",
  });
  expect(await originWith(JSON.stringify({ ...settings, hookpoints: ["layers.1"] }))).toBeUndefined();
  expect(await originWith('{"model": "another file of that name"}')).toBeUndefined();
  expect(await originWith("{")).toBeUndefined();
});

test.each([
  ["gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71", "gemma-2-2b", "gemma-scope-2b-pt-res"],
  ["/a/gemma-scope-9b-it-att/layer_20/width_16k/average_l0_71/params.npz", "gemma-2-9b-it", "gemma-scope-9b-it-att"],
])("an SAE of Gemma Scope comes from where its folders say: %s", async (path, model, release) => {
  const { files } = await readSource(join(root, "gemma-scope"));
  const { origin, layer } = importSae({ path, files });
  const hook = release.endsWith("res") ? "blocks.20.hook_resid_post" : "blocks.20.attn.hook_z";
  expect(origin).toEqual({ model, hook, release, id: "layer_20/width_16k/average_l0_71", layer: 20 });
  expect(layer).toBe(20);
});

test("an SAE of Gemma Scope in other folders comes from nowhere known", async () => {
  const { files } = await readSource(join(root, "gemma-scope"));
  for (const path of ["layer_20/width_16k/average_l0_71", "gemma-scope-2b-pt-res/layer_20", "params.npz"])
    expect(importSae({ path, files }).origin).toBeUndefined();
});

test("where an imported SAE comes from goes into its frozen models and its records", async () => {
  const checkpoint = importSae(await readSource(pathOf("saelens-5-topk")));
  const metadata = metadataOf(freeze(checkpoint, "encoder"));
  expect(JSON.parse(metadata.origin!)).toEqual(checkpoint.origin);
  const { origin: _, ...unknown } = checkpoint;
  expect(metadataOf(freeze(unknown, "encoder"))).not.toHaveProperty("origin");
  expect(readSafetensors(writeCheckpoint(unknown), "a").metadata).not.toHaveProperty("origin");
  const evaluation = {
    metrics: {},
    nullReasons: {},
    splits: {},
    latents: {},
    inputDim: 12,
    latentDim: 24,
    outputDim: undefined,
    k: 4,
  };
  expect(measuredRecord("a", "cpu", { ...evaluation, metadata }).origin).toEqual(checkpoint.origin);
  const about = { name: "a", provider: "cpu", seconds: null };
  expect(trainedRecord({ ...checkpoint, ...about }, evaluation).origin).toEqual(checkpoint.origin);
});

test("a checkpoint whose origin is no list of texts and numbers is damaged", async () => {
  const bytes = writeCheckpoint({ ...trained("topk", "report"), origin: { model: ["a"] as unknown as string } });
  expect(complaint(() => readCheckpoint(bytes, "a"))).toContain('a: its metadata "origin" are damaged');
});

test("a skip connection in the weights is refused, whatever cfg.json says", async () => {
  const { files } = await readSource(join(root, "sparsify"));
  const { tensors } = readSafetensors(files.get("sae.safetensors")!, "a");
  const all = Object.fromEntries([...tensors].map(([name, one]) => [name, toTensor(one)]));
  const W_skip = tensor("float32", [12, 12], new Float32Array(144));
  const source = await withFile("sparsify", "sae.safetensors", writeSafetensors({ ...all, W_skip }));
  expect(complaint(() => importSae(source))).toContain('tensor "W_skip" is not supported');
  const { W_dec: _, ...half } = all;
  const encoderOnly = await withFile("sparsify", "sae.safetensors", writeSafetensors(half));
  expect(complaint(() => importSae(encoderOnly))).toContain('tensor "W_dec" is missing');
});

test("Gemma Scope's folders of embeddings and of transcoders are what their names say", async () => {
  const { files } = await readSource(join(root, "gemma-scope"));
  const at = (path: string) => importSae({ path, files });
  const plain = at("layer_3/width_4k");
  const embedding = at("gemma-scope-2b-pt-res/embedding/width_4k");
  expect(embedding.tensors.W_dec!.data).toEqual(plain.tensors.W_dec!.data.map((value) => value * Math.sqrt(12)));
  const transcoder = at("/data/gemma-scope-2b-pt-transcoders/layer_3/params.npz");
  expect([plain.config.outputDim, transcoder.config.outputDim]).toEqual([undefined, 12]);
});

test("a folder of several SAEs says which are in it: sparsify's run, Gemma Scope's release, checkpoints", async () => {
  const root = temporaryFolder();
  for (const name of ["layers.10", "layers.2", "layers.2.mlp"])
    cpSync(pathOf("sparsify"), join(root, name), { recursive: true });
  for (const name of ["config.json", "optimizer_0.pt", "state.pt"]) writeFileSync(join(root, name), "{}");
  cpSync(pathOf("gemma-scope"), join(root, "layer_3/width_16k/average_l0_9"), { recursive: true });
  cpSync(pathOf("experiment"), join(root, "grid/a.pt"));
  cpSync("docs", join(root, "docs"), { recursive: true });
  const { within, files } = await readSource(`${root}/`);
  expect(within).toEqual(["grid/a.pt", "layer_3/width_16k/average_l0_9", "layers.2", "layers.2.mlp", "layers.10"]);
  expect(files.size).toBe(0);
  for (const one of ["layers.10", "layers.10/sae.safetensors", "layers.10/cfg.json"])
    expect(importSae(await readSource(join(root, one))).config.preset).toBe("sparsify");
});

test("a checkpoint of dictionary_learning's training is read with the settings in the folder above", async () => {
  const own = "test/fixtures/peers/dictionary-learning/JumpReluAutoEncoder";
  const folder = temporaryFolder();
  const steps = join(folder, "trainer_0", "checkpoints");
  for (const step of [0, 100]) cpSync(join(own, "ae.pt"), join(steps, `ae_${step}.pt`));
  await expect(readSource(join(steps, "ae_100.pt")).then((one) => importSae(one))).rejects.toThrow(/ae_100\.pt/);
  cpSync(join(own, "config.json"), join(folder, "trainer_0", "config.json"));
  const sae = importSae(await readSource(join(steps, "ae_100.pt")));
  expect(sae.tensors).toEqual(importSae(await readSource(own)).tensors);
  expect((await readSource(steps)).within).toEqual(["ae_0.pt", "ae_100.pt"]);
});

test("a checkpoint of one's own is said to be one", async () => {
  const path = join(temporaryFolder(), "own.safetensors");
  writeFileSync(path, writeCheckpoint(importSae(await readSource(pathOf("sparsify")))));
  const source = await readSource(path);
  expect(complaint(() => importSae(source))).toContain(
    "own.safetensors: is an SAE of this tool already; export takes it",
  );
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
function trained(architecture: string, preset: string, options = {}, more: Partial<TrainRequest> = {}) {
  const dims = { inputDim: 12, latentDim: 24, ...more };
  const k = /topk|groupmax/.test(architecture) ? { k: 4 } : {};
  const config = trainConfig({ architecture, preset, ...dims, options: { ...k, ...options }, epochs: 1 });
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
  const reread = (format: "saelens" | "sparsify", checkpoint: Parameters<typeof freeze>[0]) =>
    importSae(formatFiles(formats[format].write(checkpoint, "a")));

  test.each([
    ...["saelens-standard", "saelens-jumprelu", "saelens-topk", "saelens-5-topk", "saelens-abstopk"],
    ...["gemma-scope", "sparsify", "sparsify-signed", "experiment"],
  ])("%s comes back from SAELens as it went, and computes the same bits", async (folder) => {
    const checkpoint = importSae(await readSource(pathOf(folder)));
    const back = reread("saelens", checkpoint);
    expect(back.tensors).toEqual(checkpoint.tensors);
    expect(back.config.options).toEqual(checkpoint.config.options);
    expect(back.origin).toEqual(checkpoint.origin);
    expect(await outputs(back)).toEqual(await outputs(checkpoint));
  });

  test.each([
    ["topk", "report"],
    ["topk", "original"],
    ["topk-relu", "gao2024"],
  ])("%s, preset %s, computes the same bits in SAELens's files", async (architecture, preset) => {
    const checkpoint = trained(architecture, preset);
    expect(await outputs(reread("saelens", checkpoint))).toEqual(await outputs(checkpoint));
  });

  test("the default SAE is SAELens's abstopk, with nothing off the input", () => {
    const files = formats.saelens.write(trained("topk", "report"), "a");
    expect(JSON.parse(files["cfg.json"] as string)).toEqual({
      ...{ architecture: "abstopk", d_in: 12, d_sae: 24, dtype: "float32", device: "cpu" },
      ...{ apply_b_dec_to_input: false, normalize_activations: "none", reshape_activations: "none" },
      ...{ k: 4, rescale_acts_by_decoder_norm: false, metadata: { sae_lens_version: "6.54.0" } },
    });
  });

  test.each(["sparsify", "saelens-topk"])("%s computes the same bits in sparsify's files", async (folder) => {
    const checkpoint = importSae(await readSource(pathOf(folder)));
    const back = reread("sparsify", checkpoint);
    expect(back.tensors).toEqual(checkpoint.tensors);
    expect(await outputs(back)).toEqual(await outputs(checkpoint));
  });

  test("sparsify's files have only settings that its present version knows", () => {
    const files = formats.sparsify.write(trained("topk-relu", "gao2024"), "a");
    expect(Object.keys(JSON.parse(files["cfg.json"] as string)).sort()).toEqual(
      ["activation", "d_in", "expansion_factor", "k", "multi_topk", "normalize_decoder", "num_latents"].sort(),
    );
  });

  test.each([
    ["saelens-5-topk, of which b_dec is not", async () => importSae(await readSource(pathOf("saelens-5-topk")))],
    ["topk-relu", async () => trained("topk-relu", "gao2024")],
  ] as const)("%s computes the same as sparsify, whose b_dec is taken off the input", async (_, make) => {
    const checkpoint = await make();
    const wanted = await outputs(checkpoint);
    const back = await outputs(reread("sparsify", checkpoint));
    const largest = Math.max(...wanted.map(Math.abs));
    expect(Math.max(...wanted.map((value, i) => Math.abs(value - back[i]!))) / largest).toBeLessThan(1e-5);
  });

  test("gates go into SAELens's files under its names, without b_enc", () => {
    const checkpoint = trained("gated", "rajamanoharan2024-gated", { lambda: 0.1 });
    const files = formats.saelens.write(checkpoint, "a");
    expect(JSON.parse(files["cfg.json"] as string)).toMatchObject({
      architecture: "gated",
      apply_b_dec_to_input: true,
    });
    const { tensors } = readSafetensors(files["sae_weights.safetensors"] as Uint8Array, "a");
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual({
      ...{ W_enc: [12, 24], W_dec: [24, 12], b_dec: [12] },
      ...{ b_gate: [24], r_mag: [24], b_mag: [24] },
    });
  });

  test.each([
    ["topk-relu", "gao2024", "topk"],
    ["groupmax", "sparsify", "groupmax"],
  ])(
    "%s and its skip transcoder are sparsify's, in the words of its present version",
    (architecture, preset, activation) => {
      const words = (more: Parameters<typeof trained>[3]) => {
        const files = formats.sparsify.write(trained(architecture, preset, {}, more), "a");
        const { tensors } = readSafetensors(files["sae.safetensors"] as Uint8Array, "a");
        return { cfg: JSON.parse(files["cfg.json"] as string), names: [...tensors.keys()].sort(), tensors };
      };
      const plain = words({});
      expect([plain.cfg.activation, plain.cfg.transcode]).toEqual([activation, undefined]);
      const skip = words({ outputDim: 12, skip: true });
      expect(skip.cfg).toMatchObject({ activation, transcode: true, skip_connection: true, k: 4 });
      expect(skip.names).toEqual([...plain.names, "W_skip"].sort());
      // Nothing is taken off a transcoder's input, so its bias is as it was.
      expect(toFloat32(skip.tensors.get("encoder.bias")!)).toEqual(
        trained(architecture, preset, {}, { outputDim: 12, skip: true }).tensors.b_enc,
      );
      expect(() => words({ outputDim: 13 })).toThrow("a transcoder, from 12 to 13 dimensions");
    },
  );

  test("what a format has no words for is refused with the reason, and with what works", async () => {
    const [saelens, sparsify] = (["saelens", "sparsify"] as const).map(
      (name) => (checkpoint: Parameters<typeof freeze>[0]) => complaint(() => formats[name].write(checkpoint, "a")),
    ) as [(checkpoint: Parameters<typeof freeze>[0]) => string, (checkpoint: Parameters<typeof freeze>[0]) => string];
    const signed = sparsify(trained("topk", "report"));
    expect(signed).toMatch(/^a: sparsify has top-k and groupmax of ReLU only, without signs; this is topk /);
    expect(signed).toMatch(
      /\(k 4, select magnitude, [^)]*\); export it with --unsigned \(exact, with twice the latents\) or with --format saelens or as \.onnx$/,
    );
    expect(sparsify(importSae(await readSource(pathOf("sparsify-signed"))))).toContain("with --format saelens or as");
    const raw = trained("topk", "report", { select: "value" });
    expect(saelens(raw)).toMatch(
      /^a: SAELens has top-k by value .*this is topk \(.*select value.*; export it as \.onnx$/,
    );
    expect(sparsify(raw)).toMatch(/top-k and groupmax of ReLU only.*; export it as \.onnx$/);
    const jump = importSae(await readSource(pathOf("gemma-scope")));
    expect(sparsify(jump)).toMatch(
      /this is pretrained-jumprelu .*with --format saelens or with --format dictionary-learning or as \.onnx$/,
    );
    for (const options of [
      { select: "magnitude", relu: true },
      { select: "value", relu: false },
    ])
      for (const refusal of [saelens, sparsify])
        expect(refusal(trained("pretrained-topk", "saelens", options))).toMatch(/; export it as \.onnx$/);
    for (const [architecture, preset] of [
      ["topk", "report"],
      ["topk-relu", "gao2024"],
      ["pretrained-topk", "saelens"],
      ["pretrained-gated", "saelens"],
    ] as const) {
      const transcoder = trained(architecture, preset, {}, { outputDim: 8 });
      const why = (name: string) =>
        `a: is a transcoder, from 12 to 8 dimensions; --format ${name} has no words for it, export it as .onnx`;
      expect(saelens(transcoder)).toBe(why("saelens"));
      expect(sparsify(transcoder)).toBe(why("sparsify"));
    }
  });
});

test("--norm-factor is refused where inputs are taken as they are", async () => {
  const source = await readSource(join(root, "sparsify"));
  expect(complaint(() => importSae({ ...source, normFactor: 2 }))).toContain(
    "taken as they are; leave --norm-factor out",
  );
  const plain = await readSource(join(root, "saelens-standard"));
  expect(complaint(() => importSae({ ...plain, normFactor: 2 }))).toContain(
    "is not expected_average_only_in; which of the two",
  );
  const scope = await readSource("test/fixtures/peers/llama-scope/final/Llama3_1-8B-Base-L15R-8x");
  expect(complaint(() => importSae({ ...scope, normFactor: 2 }))).toContain("says the average length of blocks.15");
});

test("Llama Scope: a latent times the length of its decoder row must be above the threshold, where the file says so", async () => {
  const source = await readSource("test/fixtures/peers/llama-scope/final/Llama3_1-8B-Base-L15R-8x");
  const settings = JSON.parse(new TextDecoder().decode(source.files.get("hyperparams.json")));
  const said = { ...settings, sparsity_include_decoder_norm: true };
  const files = new Map([...source.files, ["hyperparams.json", new TextEncoder().encode(JSON.stringify(said))]]);
  const [plain, withLengths] = [importSae(source), importSae({ ...source, files })].map(({ tensors }) => tensors);
  const { tensors } = readSafetensors(source.files.get("checkpoints/final.safetensors")!, "a");
  const [width, latents] = tensors.get("decoder.weight")!.shape as [number, number];
  const decoder = toFloat32(tensors.get("decoder.weight")!).data;
  for (let latent = 0; latent < latents; latent++) {
    const length = Math.hypot(...Array.from({ length: width }, (_, i) => decoder[i * latents + latent]!));
    expect(withLengths!.threshold!.data[latent]! * length).toBeCloseTo(plain!.threshold!.data[latent]!, 6);
  }
  expect(withLengths!.W_enc).toEqual(plain!.W_enc);
});

test.each(["report", "original"])("the default SAE, preset %s, rebuilds the same without signs", async (preset) => {
  const signed = trained("topk", preset);
  const [own, without] = [await outputs(signed), await outputs(unsigned(signed, "a"))];
  const again = (all: readonly number[]) => all.slice(-20 * 12);
  const largest = Math.max(...again(own).map(Math.abs));
  for (const [i, value] of again(own).entries())
    expect(Math.abs(value - again(without)[i]!) / largest).toBeLessThan(1e-6);
  for (const format of ["sparsify", "dictionary-learning"] as const)
    expect(() => formats[format].write(unsigned(signed, "a"), "a")).not.toThrow();
  for (const dims of [{ outputDim: 8 }, { outputDim: 12 }])
    expect(unsigned(trained("topk", preset, {}, dims), "a").tensors.b_dec!.dims).toEqual([dims.outputDim]);
});
