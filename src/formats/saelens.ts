import { z } from "zod";
import { readSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { flatConfig } from "./saelensFlat.ts";
import { exactly, only, readJson, type SourceFiles, type SourceFormat, scaledRows, transposed } from "./weights.ts";

/** What a configuration says, of either form. */
export interface SaelensConfig {
  readonly architecture: "standard" | "topk" | "jumprelu";
  readonly d_in: number;
  readonly d_sae: number;
  readonly inputBias: boolean;
  readonly k: number | undefined;
  /** Whether latents are multiplied by the length of their decoder row, and divided by it in decoding. */
  readonly rescale: boolean;
  /** Whether the weights have a factor for each latent, to decode with. */
  readonly scaled: boolean;
  readonly layer: number | null;
}

const schema = z.strictObject({
  architecture: only("standard", "topk", "jumprelu"),
  d_in: z.int().positive(),
  d_sae: z.int().positive(),
  apply_b_dec_to_input: z.boolean(),
  normalize_activations: only("none"),
  reshape_activations: only("none").optional(),
  k: z.int().positive().optional(),
  rescale_acts_by_decoder_norm: z.boolean().default(false),
  // What it was saved as and where it ran: the weights are read as they are.
  dtype: z.string().optional(),
  device: z.string().optional(),
  sae_lens_version: z.string().optional(),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }),
});

const version = z.looseObject({
  sae_lens_version: z.string().optional(),
  metadata: z.looseObject({ sae_lens_version: z.string().optional() }).optional(),
});

/** Checkpoints of a training run: what their inputs were multiplied by, where that is not in the weights yet. */
const scaler = z.strictObject({ scaling_factor: only(null) });

const names = ["W_enc", "b_enc", "W_dec", "b_dec"] as const;

/** SAELens: standard, topk and jumprelu (BatchTopK is saved as jumprelu), of version 6 or later and before. */
export const saelens: SourceFormat = {
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
    if ((cfg.architecture === "topk") !== (cfg.k !== undefined))
      throw new ConfigError(`${where}: architecture ${cfg.architecture} with k ${cfg.k ?? "missing"}`);
    if (cfg.rescale && cfg.architecture !== "topk")
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
    return {
      architecture: `pretrained-${cfg.architecture === "standard" ? "relu" : cfg.architecture}`,
      source: "saelens",
      options: { ...(cfg.k ? { k: cfg.k } : {}), inputBias: cfg.inputBias },
      tensors: cfg.rescale ? rescaled(decoded) : decoded,
      layer: cfg.layer,
      position: null,
    } as const;
  },
};

/** A configuration of version 6 or later. */
function nestedConfig(source: SourceFiles): SaelensConfig {
  const { architecture, d_in, d_sae, k, ...cfg } = readJson(source, "cfg.json", schema);
  return {
    ...{ architecture, d_in, d_sae, k, inputBias: cfg.apply_b_dec_to_input },
    ...{ rescale: cfg.rescale_acts_by_decoder_norm, scaled: false, layer: null },
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
