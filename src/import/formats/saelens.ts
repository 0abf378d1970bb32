import { z } from "zod";
import { readSafetensors } from "../../data/safetensors.ts";
import { ConfigError } from "../../util/errors.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { exactly, only, readJson, type SourceFormat, scaledRows, transposed } from "../weights.ts";

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
  metadata: z.looseObject({ sae_lens_version: z.string() }),
});

const names = ["W_enc", "b_enc", "W_dec", "b_dec"] as const;

/** SAELens, version 6 or later: standard, topk and jumprelu (BatchTopK is saved as jumprelu). */
export const saelens: SourceFormat = {
  describe: "SAELens folders of version 6 or later (cfg.json, sae_weights.safetensors)",
  needs: ["cfg.json", "sae_weights.safetensors"],
  read(source) {
    const cfg = readJson(source, "cfg.json", schema);
    const where = `${source.path}/cfg.json`;
    if (!/^([6-9]|\d\d+)\./.test(cfg.metadata.sae_lens_version))
      throw new ConfigError(
        `${where}: is of SAELens ${cfg.metadata.sae_lens_version}; load and save it with version 6`,
      );
    if ((cfg.architecture === "topk") !== (cfg.k !== undefined))
      throw new ConfigError(`${where}: architecture ${cfg.architecture} with k ${cfg.k ?? "missing"}`);
    if (cfg.rescale_acts_by_decoder_norm && cfg.architecture !== "topk")
      throw new ConfigError(`${where}: rescale_acts_by_decoder_norm is not supported with ${cfg.architecture}`);
    const file = `${source.path}/sae_weights.safetensors`;
    const { tensors } = readSafetensors(source.files.get("sae_weights.safetensors")!, file);
    const jump = cfg.architecture === "jumprelu";
    const found = jump ? exactly(tensors, [...names, "threshold"], file) : exactly(tensors, names, file);
    const stored = found.W_enc.dims.join(", ");
    if (stored !== `${cfg.d_in}, ${cfg.d_sae}`)
      throw new ConfigError(`${where}: says d_in ${cfg.d_in} and d_sae ${cfg.d_sae}, W_enc is [${stored}]`);
    const weights = { ...found, W_enc: transposed(found.W_enc) };
    return {
      architecture: `pretrained-${cfg.architecture === "standard" ? "relu" : cfg.architecture}`,
      source: "saelens",
      options: { ...(cfg.k ? { k: cfg.k } : {}), inputBias: cfg.apply_b_dec_to_input },
      tensors: cfg.rescale_acts_by_decoder_norm ? rescaled(weights) : weights,
      layer: null,
      position: null,
    } as const;
  },
};

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
