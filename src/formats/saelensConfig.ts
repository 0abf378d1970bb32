import { z } from "zod";
import { type Origin, originOf } from "../checkpoint/origin.ts";
import type { Normalisation } from "../sae/normalise.ts";
import { ConfigError } from "../util/errors.ts";
import type { SourceFiles } from "./format.ts";
import { only, readJson } from "./json.ts";
import { architectureOf, type Kind, kinds } from "./saelensKinds.ts";
import { ofTraining, trainingIn } from "./saelensTraining.ts";

/** Its names for where an SAE comes from, by ours. */
export const originKeys = {
  ...{ model: "model_name", hook: "hook_name", layer: "hook_layer", head: "hook_head_index" },
  ...{ dataset: "dataset_path", neuronpedia_id: "neuronpedia_id", hook_out: "hook_name_out" },
} as const;

/** Its names for what is done to each row first; `expected_average_only_in` multiplies all rows by one number, which folds into weights. */
export const normalisationKeys = {
  none: "none",
  constant_norm_rescale: "constant-norm",
  layer_norm: "layer-norm",
} as const satisfies Record<string, Normalisation>;

/** What cfg.json says, of either form. */
export interface Config {
  /** The class as the file names it. */
  readonly architecture: string;
  readonly kind: Kind;
  readonly d_in: number;
  readonly d_sae: number;
  readonly d_out: number | undefined;
  readonly inputBias: boolean;
  readonly k: number | undefined;
  /** Whether latents are multiplied by the length of their decoder row, and divided by it in decoding. */
  readonly rescale: boolean;
  /** Whether the weights have a factor for each latent, to decode with. */
  readonly scaled: boolean;
  readonly normalise: Normalisation;
  /** What inputs of the training were brought to by something outside cfg.json: one factor, or an affine map. */
  readonly outside: "factor" | "whitening" | undefined;
  /** Matching pursuit's. */
  readonly pursuit: { readonly rounds: number; readonly untilRepeat: boolean; readonly untilBelow: number };
  readonly origin: Origin | null;
  /** Settings that only say how it was trained. */
  readonly training: readonly string[];
}

const version = z.looseObject({
  sae_lens_version: z.string().optional(),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }).optional(),
});

/** What a folder's cfg.json says. @throws {ConfigError} for a key or value that is not supported, by name. */
export function saelensConfig(source: SourceFiles): Config {
  const of = readJson(source, "cfg.json", version);
  const isSix = [of.sae_lens_version, of.metadata?.sae_lens_version].some((one) => /^([6-9]|\d\d+)\./.test(one ?? ""));
  if (!isSix && of.metadata)
    throw new ConfigError(
      `${source.path}/cfg.json: has metadata, as SAELens writes since version 6, and says version ${of.metadata.sae_lens_version ?? of.sae_lens_version ?? "nothing"}; load and save it with version 6`,
    );
  const where = `${source.path}/cfg.json`;
  const cfg = isSix ? nestedConfig(source) : flatConfig(source, where);
  const { architecture, kind } = cfg;
  if (
    kind.latents === "topk" || kind.latents === "abstopk" ? cfg.k === undefined : !kind.training && cfg.k !== undefined
  )
    throw new ConfigError(`${where}: architecture ${architecture} with k ${cfg.k ?? "missing"}`);
  if (cfg.rescale && !kind.rescales)
    throw new ConfigError(`${where}: rescale_acts_by_decoder_norm is not supported with ${architecture}`);
  if ((cfg.d_out !== undefined) !== kind.transcodes)
    throw new ConfigError(`${where}: architecture ${architecture} with d_out ${cfg.d_out ?? "missing"}`);
  if (kind.transcodes && cfg.inputBias)
    throw new ConfigError(
      `${where}: apply_b_dec_to_input is true, and b_dec of a ${architecture} is no input's; SAELens refuses it too`,
    );
  return cfg;
}

const origin = (said: Readonly<Record<string, unknown>>): Origin | null =>
  originOf(Object.fromEntries(Object.entries(originKeys).map(([key, theirs]) => [key, said[theirs]])));

const normalisation = [...(Object.keys(normalisationKeys) as (keyof typeof normalisationKeys)[])] as const;

const nested = z.strictObject({
  ...ofTraining,
  architecture: architectureOf,
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  d_out: z.int().positive().optional(),
  apply_b_dec_to_input: z.boolean(),
  normalize_activations: only(...normalisation, "expected_average_only_in", "covariance_whitening"),
  reshape_activations: only("none", "hook_z").optional(),
  k: z.number().positive().optional(),
  rescale_acts_by_decoder_norm: z.boolean().optional(),
  residual_threshold: z.number().optional(),
  max_iterations: z.int().positive().nullish(),
  stop_on_duplicate_support: z.boolean().optional(),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }),
});

/** A configuration of version 6 or later. */
function nestedConfig(source: SourceFiles): Config {
  const cfg = readJson(source, "cfg.json", nested);
  const { architecture, d_in, d_sae, d_out } = cfg;
  const kind = kinds[architecture];
  const where = `${source.path}/cfg.json`;
  const pursuit = (["residual_threshold", "max_iterations", "stop_on_duplicate_support"] as const).filter(
    (name) => cfg[name] !== undefined,
  );
  if (kind.latents !== "pursuit" && pursuit.length > 0)
    throw new ConfigError(`${where}: ${pursuit.join(", ")} not supported with ${architecture}`);
  if (cfg.k !== undefined && !kind.training && !Number.isSafeInteger(cfg.k))
    throw new ConfigError(`${where}: k is ${cfg.k}: need a whole number`);
  return {
    ...{ architecture, kind, d_in, d_sae, d_out, k: cfg.k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: cfg.rescale_acts_by_decoder_norm ?? false, scaled: false, origin: origin(cfg.metadata) },
    ...normaliseOf(cfg.normalize_activations),
    pursuit: {
      rounds: cfg.max_iterations ?? d_in,
      untilRepeat: cfg.stop_on_duplicate_support ?? true,
      untilBelow: Math.max(0, cfg.residual_threshold ?? 1e-2),
    },
    training: trainingIn(cfg),
  };
}

function normaliseOf(
  said: keyof typeof normalisationKeys | "expected_average_only_in" | "covariance_whitening",
): Pick<Config, "normalise" | "outside"> {
  if (said === "expected_average_only_in") return { normalise: "none", outside: "factor" };
  if (said === "covariance_whitening") return { normalise: "none", outside: "whitening" };
  return { normalise: normalisationKeys[said], outside: undefined };
}

const flat = z.strictObject({
  ...ofTraining,
  architecture: only("standard", "topk", "jumprelu", "gated").default("standard"),
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  // Its two names; "topk" makes a TopK SAE of whatever architecture is said.
  activation_fn_str: only("relu", "topk").optional(),
  activation_fn: only("relu", "topk").optional(),
  activation_fn_kwargs: z.strictObject({ k: z.int().positive().optional() }).nullish(),
  apply_b_dec_to_input: z.boolean().default(true),
  finetuning_scaling_factor: z.boolean().default(false),
  normalize_activations: only(...normalisation, "expected_average_only_in", true, false, null).optional(),
  reshape_activations: only("none", "hook_z").optional(),
  hook_name: z.string().optional(),
  hook_point: z.string().optional(),
});

/** A configuration of SAELens before 6: all keys on one level. @throws {ConfigError} for what contradicts itself. */
function flatConfig(source: SourceFiles, where: string): Config {
  const cfg = readJson(source, "cfg.json", flat);
  const said = cfg.activation_fn_str ?? cfg.activation_fn;
  if (cfg.activation_fn !== undefined && cfg.activation_fn !== said)
    throw new ConfigError(
      `${where}: activation_fn_str is ${cfg.activation_fn_str} and activation_fn ${cfg.activation_fn}; which of the two is right?`,
    );
  // The first versions had no other than ReLU, and said nothing.
  const activation = said ?? (cfg.architecture === "topk" ? "topk" : "relu");
  const needed = { standard: activation, topk: "topk", jumprelu: "relu", gated: "relu" }[cfg.architecture];
  if (activation !== needed)
    throw new ConfigError(`${where}: architecture ${cfg.architecture} with the activation ${activation} contradict`);
  const architecture = activation === "topk" ? "topk" : cfg.architecture;
  const normalise = cfg.normalize_activations;
  return {
    ...{ architecture, kind: kinds[architecture], d_in: cfg.d_in, d_sae: cfg.d_sae, d_out: undefined },
    ...{ k: cfg.activation_fn_kwargs?.k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: false, scaled: cfg.finetuning_scaling_factor },
    ...normaliseOf(normalise === true ? "expected_average_only_in" : normalise || "none"),
    pursuit: { rounds: 1, untilRepeat: false, untilBelow: 0 },
    training: trainingIn(cfg),
    origin: origin({
      ...cfg,
      hook_name: cfg.hook_name ?? cfg.hook_point,
      hook_layer: cfg.hook_layer ?? cfg.hook_point_layer,
      hook_head_index: cfg.hook_head_index ?? cfg.hook_point_head_index,
    }),
  };
}
