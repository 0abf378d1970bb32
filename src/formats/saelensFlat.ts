import { z } from "zod";
import { ConfigError } from "../util/errors.ts";
import type { SaelensConfig } from "./saelens.ts";
import { only, readJson, type SourceFiles } from "./weights.ts";

/** Where and on what it was trained: nothing of how latents are computed. */
const inert = [
  ...["model_name", "prepend_bos", "dataset_path", "dataset_trust_remote_code", "context_size", "dtype", "device"],
  ...["sae_lens_training_version", "neuronpedia_id", "seqpos_slice", "model_from_pretrained_kwargs"],
  ...["hook_head_index", "hook_point_head_index"],
] as const;

/** A heads' output, which SAELens flattens before encoding. */
const hook = z
  .string()
  .refine((name) => !name.includes("hook_z"), { error: "not supported here, its heads are one vector" });

const schema = z.strictObject({
  architecture: only("standard", "topk", "jumprelu").default("standard"),
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  // Its two names; "topk" makes a TopK SAE of whatever architecture is said.
  activation_fn_str: only("relu", "topk").optional(),
  activation_fn: only("relu", "topk").optional(),
  activation_fn_kwargs: z.strictObject({ k: z.int().positive().optional() }).default({}),
  apply_b_dec_to_input: z.boolean().default(true),
  finetuning_scaling_factor: z.boolean().default(false),
  normalize_activations: only("none", false, null).optional(),
  hook_name: hook.optional(),
  hook_point: hook.optional(),
  hook_layer: z.int().nonnegative().optional(),
  hook_point_layer: z.int().nonnegative().optional(),
  ...(Object.fromEntries(inert.map((key) => [key, z.unknown().optional()])) as Record<
    (typeof inert)[number],
    z.ZodOptional<z.ZodUnknown>
  >),
});

/** A configuration of SAELens before 6: all keys on one level. @throws {ConfigError} for a key or value that is not supported, by name. */
export function flatConfig(source: SourceFiles): SaelensConfig {
  const cfg = readJson(source, "cfg.json", schema);
  const where = `${source.path}/cfg.json`;
  const activation = cfg.activation_fn_str ?? cfg.activation_fn;
  if (activation === undefined || (cfg.activation_fn !== undefined && cfg.activation_fn !== activation))
    throw new ConfigError(
      `${where}: activation_fn_str is ${cfg.activation_fn_str ?? "missing"} and activation_fn ${cfg.activation_fn ?? "missing"}; one of them must say relu or topk`,
    );
  if (
    (cfg.architecture === "topk" && activation !== "topk") ||
    (cfg.architecture === "jumprelu" && activation !== "relu")
  )
    throw new ConfigError(`${where}: architecture ${cfg.architecture} with the activation ${activation} contradict`);
  return {
    architecture: activation === "topk" ? "topk" : cfg.architecture,
    ...{ d_in: cfg.d_in, d_sae: cfg.d_sae, k: cfg.activation_fn_kwargs.k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: false, scaled: cfg.finetuning_scaling_factor },
    layer: cfg.hook_layer ?? cfg.hook_point_layer ?? null,
  };
}
