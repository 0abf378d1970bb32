import { z } from "zod";
import { originOf } from "../checkpoint/origin.ts";
import { readSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";
import type { Format, SourceFiles } from "./format.ts";
import { only, readJson } from "./json.ts";
import { exactly, rowLengths, scaled, transposed } from "./weights.ts";

/** Settings that say how it was trained or loaded, of both forms. */
const ofTraining = Object.fromEntries(
  [
    ...["device", "dtype", "seed", "tp_size", "ddp_size", "sae_type", "expansion_factor", "top_k", "k_warmup_steps"],
    ...["bias_init_method", "init_decoder_norm", "init_encoder_norm", "init_encoder_with_decoder_transpose", "lp"],
    ...["l1_coefficient", "l1_coefficient_warmup_steps", "use_batch_norm_mse", "use_ghost_grads", "strict_loading"],
    ...[
      "decoder_exactly_unit_norm",
      "decoder_exactly_fixed_norm",
      "sae_pretrained_name_or_path",
      "force_unit_decoder_norm",
    ],
    ...["remove_gradient_parallel_to_decoder_directions", "jumprelu_threshold_window", "use_triton_kernel"],
    ...["sparsity_threshold_for_triton_spmm_kernel", "sparsity_threshold_for_csr", "promote_act_fn_dtype"],
  ].map((name) => [name, z.unknown().optional()]),
);

const schema = z.strictObject({
  ...ofTraining,
  hook_point_in: z.string(),
  hook_point_out: z.string().optional(),
  d_model: z.int().positive(),
  d_sae: z.int().positive().optional(),
  act_fn: only("jumprelu").optional(),
  jump_relu_threshold: z.number().nonnegative().optional(),
  norm_activation: only("dataset-wise", "inference").default("dataset-wise"),
  dataset_average_activation_norm: z.record(z.string(), z.number().positive()).nullish(),
  use_decoder_bias: only(true).optional(),
  apply_decoder_bias_to_pre_encoder: only(false).optional(),
  use_glu_encoder: only(false).optional(),
  sparsity_include_decoder_norm: z.boolean().default(false),
});

const names = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"] as const;
const averages = "dataset_average_activation_norm";

/**
 * Llama Scope: JumpReLU, nothing off the input, which is multiplied by sqrt(d_model) over its average length s; that is folded in, as
 * SAELens does. One threshold t, said for raw inputs: s t here; of the later R1 form, a logarithm for each latent and inputs times s. With
 * `sparsity_include_decoder_norm` a latent times the length of its decoder row must be above it.
 */
export const llamaScope: Format = {
  describe: "Llama Scope folders (hyperparams.json, checkpoints/final.safetensors)",
  needs: ["hyperparams.json", "checkpoints/final.safetensors"],
  takesFactor: true,
  read: (source) => readScope(source, "hyperparams.json", "checkpoints/final.safetensors"),
};

/** The later form. */
export const llamaScopeR1: Format = {
  describe: "Llama Scope R1 folders (config.json, sae_weights.safetensors)",
  needs: ["config.json", "sae_weights.safetensors"],
  takesFactor: true,
  read: (source) => readScope(source, "config.json", "sae_weights.safetensors"),
};

function readScope(source: SourceFiles, json: string, weights: string) {
  const { path } = source;
  const where = `${path}/${json}`;
  const cfg = readJson(source, json, schema);
  const file = `${path}/${weights}`;
  const { tensors } = readSafetensors(source.files.get(weights)!, file);
  const logarithm = cfg.jump_relu_threshold === undefined;
  const inFile = [...tensors.keys()].filter((name) => name.startsWith(`${averages}.`));
  const all = exactly(tensors, [...names, ...(logarithm ? ["log_jumprelu_threshold"] : []), ...inFile], file);
  const found = all as Readonly<Record<string, (typeof all)[keyof typeof all]>>;
  const W_enc = found["encoder.weight"]!;
  const [latents, width] = W_enc.dims as [number, number];
  if (width !== cfg.d_model || (cfg.d_sae !== undefined && cfg.d_sae !== latents))
    throw new ConfigError(
      `${where}: says d_model ${cfg.d_model} and d_sae ${cfg.d_sae}, encoder.weight is [${latents}, ${width}]`,
    );
  const out = cfg.hook_point_out ?? cfg.hook_point_in;
  const factorAt = (hook: string, side: string): number => {
    if (cfg.norm_activation === "inference" && source.normFactor === undefined) return 1;
    if (cfg.norm_activation === "inference")
      throw new ConfigError(
        `${where}: norm_activation is inference, its inputs are taken as they are; leave --norm-factor out`,
      );
    const said = cfg[averages]?.[side] ?? cfg[averages]?.[hook] ?? found[`${averages}.${hook}`]?.data[0];
    if (said !== undefined && source.normFactor !== undefined)
      throw new ConfigError(`${where}: says the average length of ${hook}, ${said}; leave --norm-factor out`);
    if (said !== undefined) return Math.sqrt(cfg.d_model) / said;
    if (source.normFactor !== undefined) return source.normFactor;
    throw new ConfigError(
      `${where}: norm_activation is dataset-wise, and nothing says the average length of ${hook}; give sqrt(d_model) over it with --norm-factor`,
    );
  };
  const [factor, back] = [factorAt(cfg.hook_point_in, "in"), factorAt(out, "out")];
  const W_dec = transposed(found["decoder.weight"]!);
  const lengths = rowLengths(W_dec).map((one) => (cfg.sparsity_include_decoder_norm ? (one * factor) / back : 1));
  const least = logarithm ? found.log_jumprelu_threshold!.data : undefined;
  if (least && least.length !== latents)
    throw new ConfigError(`${file}: log_jumprelu_threshold has ${least.length} entries, need ${latents}`);
  const zero = lengths.indexOf(0);
  if (zero >= 0)
    throw new ConfigError(`${file}: row ${zero} of the decoder has length 0, and thresholds are over lengths`);
  const layer = /\bblocks\.(\d+)\b/.exec(cfg.hook_point_in)?.[1];
  const number = layer === undefined ? null : Number(layer);
  const transcodes = out !== cfg.hook_point_in;
  return {
    architecture: "pretrained-jumprelu",
    source: "llama-scope",
    options: {},
    tensors: {
      W_enc: scaled(W_enc, factor),
      b_enc: found["encoder.bias"]!,
      W_dec: scaled(W_dec, 1 / back),
      b_dec: scaled(found["decoder.bias"]!, 1 / back),
      threshold: tensor(
        "float32",
        [latents],
        Float32Array.from(
          lengths,
          (length, i) => (least ? Math.exp(least[i]!) : cfg.jump_relu_threshold! * factor) / length,
        ),
      ),
    },
    ...(transcodes ? { outputDim: W_dec.dims[1]! } : {}),
    layer: number,
    position: null,
    origin: originOf({
      hook: cfg.hook_point_in,
      layer: number,
      model: /Llama3_1-8B/.test(path) ? "meta-llama/Llama-3.1-8B" : undefined,
      hook_out: transcodes ? out : undefined,
    }),
  } as const;
}
