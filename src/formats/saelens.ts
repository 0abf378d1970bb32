import { z } from "zod";
import { type Origin, originOf } from "../checkpoint/origin.ts";
import { readSafetensors, writeSafetensors } from "../data/safetensors.ts";
import type { SaidIn } from "../sae/saidIn.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { SourceFiles, WrittenFormat } from "./format.ts";
import { jsonText, only, readJson } from "./json.ts";
import { ofTraining } from "./saelensTraining.ts";
import { exactly, scaledRows, transposed, weightsOf } from "./weights.ts";
import { wordsFor } from "./words.ts";

/** The version whose files are written. */
const written = "6.54.0";

/** Its names for where an SAE comes from, by ours. */
const originKeys = {
  ...{ model: "model_name", hook: "hook_name", layer: "hook_layer", head: "hook_head_index" },
  ...{ dataset: "dataset_path", neuronpedia_id: "neuronpedia_id" },
} as const;

const architectures = ["standard", "topk", "abstopk", "jumprelu"] as const satisfies Words["architecture"][];
type ReadArchitecture = (typeof architectures)[number];
type Words = NonNullable<SaidIn["saelens"]>;

/** What a configuration says, of either form. */
interface Config {
  readonly architecture: ReadArchitecture;
  readonly d_in: number;
  readonly d_sae: number;
  readonly inputBias: boolean;
  readonly k: number | undefined;
  /** Whether latents are multiplied by the length of their decoder row, and divided by it in decoding. */
  readonly rescale: boolean;
  /** Whether the weights have a factor for each latent, to decode with. */
  readonly scaled: boolean;
  readonly origin: Origin | null;
}

const version = z.looseObject({
  sae_lens_version: z.string().optional(),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }).optional(),
});

/** Checkpoints of a training run: what their inputs were multiplied by, where that is not in the weights yet. */
const scaler = z.strictObject({ scaling_factor: only(null) });

const names = ["W_enc", "b_enc", "W_dec", "b_dec"] as const;

/** SAELens: standard, topk, abstopk and jumprelu (BatchTopK is saved as jumprelu), of version 6 or later and before. */
export const saelens: WrittenFormat = {
  describe: "SAELens folders (cfg.json, sae_weights.safetensors)",
  needs: ["cfg.json", "sae_weights.safetensors"],
  mayHave: ["activation_scaler.json"],
  read(source) {
    if (source.files.has("activation_scaler.json")) readJson(source, "activation_scaler.json", scaler);
    const of = readJson(source, "cfg.json", version);
    const isSix = [of.sae_lens_version, of.metadata?.sae_lens_version].some((one) =>
      /^([6-9]|\d\d+)\./.test(one ?? ""),
    );
    if (!isSix && of.metadata)
      throw new ConfigError(
        `${source.path}/cfg.json: has metadata, as SAELens writes since version 6, and says version ${of.metadata.sae_lens_version ?? of.sae_lens_version ?? "nothing"}; load and save it with version 6`,
      );
    const cfg = isSix ? nestedConfig(source) : flatConfig(source);
    const where = `${source.path}/cfg.json`;
    const keeps = cfg.architecture === "topk" || cfg.architecture === "abstopk";
    if (keeps !== (cfg.k !== undefined))
      throw new ConfigError(`${where}: architecture ${cfg.architecture} with k ${cfg.k ?? "missing"}`);
    if (cfg.rescale && !keeps)
      throw new ConfigError(`${where}: rescale_acts_by_decoder_norm is not supported with ${cfg.architecture}`);
    const file = `${source.path}/sae_weights.safetensors`;
    const { tensors } = readSafetensors(source.files.get("sae_weights.safetensors")!, file);
    const wanted = [
      ...names,
      ...(cfg.architecture === "jumprelu" ? (["threshold"] as const) : []),
      ...(cfg.scaled || (!isSix && tensors.has("scaling_factor")) ? (["scaling_factor"] as const) : []),
    ];
    const { scaling_factor, ...found } = exactly(tensors, wanted, file);
    const stored = found.W_enc.dims.join(", ");
    if (stored !== `${cfg.d_in}, ${cfg.d_sae}`)
      throw new ConfigError(`${where}: says d_in ${cfg.d_in} and d_sae ${cfg.d_sae}, W_enc is [${stored}]`);
    const weights = { ...found, W_enc: transposed(found.W_enc) };
    if (scaling_factor && !cfg.scaled && scaling_factor.data.some((factor) => factor !== 1))
      throw new ConfigError(
        `${file}: "scaling_factor" is not all ones, and cfg.json says finetuning_scaling_factor false; which of the two is right?`,
      );
    if (scaling_factor && scaling_factor.dims.join() !== String(cfg.d_sae))
      throw new ConfigError(`${file}: scaling_factor is [${scaling_factor.dims.join(", ")}], need [${cfg.d_sae}]`);
    const decoded = scaling_factor ? { ...weights, W_dec: scaledRows(weights.W_dec, scaling_factor.data) } : weights;
    const layer = cfg.origin?.layer;
    return {
      ...meaning(cfg),
      source: "saelens",
      tensors: cfg.rescale ? rescaled(decoded) : decoded,
      layer: Number.isSafeInteger(layer) ? (layer as number) : null,
      position: null,
      origin: cfg.origin,
    };
  },
  write(checkpoint, file) {
    const { inputBias, ...words } = wordsFor(
      "saelens",
      checkpoint,
      file,
      "SAELens has top-k by value with a ReLU, top-k by magnitude with the sign, JumpReLU, ReLU and gates",
    );
    const { inputDim, latentDim } = checkpoint.config;
    const { W_enc, b_enc, W_dec, b_dec, threshold, b_gate, r_mag, b_mag } = weightsOf(checkpoint);
    const origin = Object.entries(originKeys).map(([key, theirs]) => [theirs, checkpoint.origin?.[key]]);
    return {
      "cfg.json": jsonText({
        ...{ architecture: words.architecture, d_in: inputDim, d_sae: latentDim, dtype: "float32", device: "cpu" },
        ...{ apply_b_dec_to_input: inputBias, normalize_activations: "none", reshape_activations: "none" },
        ...("k" in words ? { k: words.k, rescale_acts_by_decoder_norm: false } : {}),
        metadata: { sae_lens_version: written, ...Object.fromEntries(origin) },
      }),
      "sae_weights.safetensors": writeSafetensors({
        ...{ W_enc: transposed(W_enc), W_dec, b_dec },
        ...(words.architecture === "gated" ? { b_gate: b_gate!, r_mag: r_mag!, b_mag: b_mag! } : { b_enc }),
        ...(threshold ? { threshold: perLatent(threshold, latentDim) } : {}),
      }),
    };
  },
};

/** A threshold for each latent; one for all is repeated. */
const perLatent = (threshold: HostTensor<"float32">, latentDim: number): HostTensor<"float32"> =>
  threshold.dims.length > 0
    ? threshold
    : tensor("float32", [latentDim], new Float32Array(latentDim).fill(threshold.data[0]!));

/** The architecture here that computes the same, and its options. */
function meaning({ architecture, k, inputBias }: Config) {
  switch (architecture) {
    case "topk":
      return { architecture: "pretrained-topk", options: { k: k!, inputBias } } as const;
    case "abstopk":
      return {
        architecture: "pretrained-topk",
        options: { k: k!, select: "magnitude", relu: false, inputBias },
      } as const;
    case "jumprelu":
      return { architecture: "pretrained-jumprelu", options: { inputBias } } as const;
    case "standard":
      return { architecture: "pretrained-relu", options: { inputBias } } as const;
  }
}

const originIn = (said: Readonly<Record<string, unknown>>): Origin | null =>
  originOf(Object.fromEntries(Object.entries(originKeys).map(([key, theirs]) => [key, said[theirs]])));

const nested = z.strictObject({
  ...ofTraining,
  architecture: only(...architectures),
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  apply_b_dec_to_input: z.boolean(),
  normalize_activations: only("none"),
  reshape_activations: only("none").optional(),
  k: z.int().positive().optional(),
  rescale_acts_by_decoder_norm: z.boolean().default(false),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }),
});

/** A configuration of version 6 or later. */
function nestedConfig(source: SourceFiles): Config {
  const { architecture, d_in, d_sae, k, ...cfg } = readJson(source, "cfg.json", nested);
  return {
    ...{ architecture, d_in, d_sae, k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: cfg.rescale_acts_by_decoder_norm, scaled: false, origin: originIn(cfg.metadata) },
  };
}

/** A heads' output, which SAELens flattens before encoding. */
const hook = z
  .string()
  .refine((name) => !name.includes("hook_z"), { error: "not supported here, its heads are one vector" });

const flat = z.strictObject({
  ...ofTraining,
  architecture: only("standard", "topk", "jumprelu").default("standard"),
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  // Its two names; "topk" makes a TopK SAE of whatever architecture is said.
  activation_fn_str: only("relu", "topk").optional(),
  activation_fn: only("relu", "topk").optional(),
  activation_fn_kwargs: z.strictObject({ k: z.int().positive().optional() }).nullish(),
  apply_b_dec_to_input: z.boolean().default(true),
  finetuning_scaling_factor: z.boolean().default(false),
  normalize_activations: only("none", false, null).optional(),
  hook_name: hook.optional(),
  hook_point: hook.optional(),
});

/** A configuration of SAELens before 6: all keys on one level. @throws {ConfigError} for a key or value that is not supported, by name. */
function flatConfig(source: SourceFiles): Config {
  const cfg = readJson(source, "cfg.json", flat);
  const where = `${source.path}/cfg.json`;
  const said = cfg.activation_fn_str ?? cfg.activation_fn;
  if (cfg.activation_fn !== undefined && cfg.activation_fn !== said)
    throw new ConfigError(
      `${where}: activation_fn_str is ${cfg.activation_fn_str} and activation_fn ${cfg.activation_fn}; which of the two is right?`,
    );
  // The first versions had no other than ReLU, and said nothing.
  const activation = said ?? (cfg.architecture === "topk" ? "topk" : "relu");
  if (
    (cfg.architecture === "topk" && activation !== "topk") ||
    (cfg.architecture === "jumprelu" && activation !== "relu")
  )
    throw new ConfigError(`${where}: architecture ${cfg.architecture} with the activation ${activation} contradict`);
  return {
    architecture: activation === "topk" ? "topk" : cfg.architecture,
    ...{ d_in: cfg.d_in, d_sae: cfg.d_sae, k: cfg.activation_fn_kwargs?.k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: false, scaled: cfg.finetuning_scaling_factor },
    origin: originIn({
      ...cfg,
      hook_name: cfg.hook_name ?? cfg.hook_point,
      hook_layer: cfg.hook_layer ?? cfg.hook_point_layer,
      hook_head_index: cfg.hook_head_index ?? cfg.hook_point_head_index,
    }),
  };
}

/** Latents times the length of their decoder row, decoder rows divided by it: `TopK(pre ||d||)` then `sum a d / ||d||`. */
function rescaled<T extends Readonly<Record<(typeof names)[number], HostTensor<"float32">>>>(weights: T): T {
  const { W_enc, b_enc, W_dec } = weights;
  const [rows, width] = W_dec.dims as [number, number];
  const norms = Array.from({ length: rows }, (_, row) =>
    Math.sqrt(W_dec.data.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value * value, 0)),
  );
  const zero = norms.indexOf(0);
  if (zero >= 0) throw new ConfigError(`W_dec: row ${zero} has length 0, activations cannot be rescaled by it`);
  return {
    ...weights,
    W_enc: scaledRows(W_enc, norms),
    b_enc: scaledRows(b_enc, norms),
    W_dec: scaledRows(
      W_dec,
      norms.map((norm) => 1 / norm),
    ),
  };
}
