import { z } from "zod";
import { readSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { exactly, only, readJson, type SourceFormat } from "./weights.ts";

// What only steers training is read and has no part in the encoder; anything else unknown is refused.
const schema = z.strictObject({
  activation: only("topk").optional(),
  k: z.int().positive(),
  signed: z.boolean().default(false),
  num_latents: z.int().nonnegative().optional(),
  expansion_factor: z.number().optional(),
  d_in: z.int().positive(),
  normalize_decoder: z.boolean().optional(),
  multi_topk: z.boolean().optional(),
  transcode: only(false).optional(),
  skip_connection: only(false).optional(),
});

/** EleutherAI sparsify: b_dec off the input; top-k of ReLU(pre), or of |pre| with its sign where `signed` says so. */
export const sparsify: SourceFormat = {
  describe: "EleutherAI sparsify folders (cfg.json, sae.safetensors)",
  needs: ["cfg.json", "sae.safetensors"],
  read(source) {
    const cfg = readJson(source, "cfg.json", schema);
    const file = `${source.path}/sae.safetensors`;
    const { tensors } = readSafetensors(source.files.get("sae.safetensors")!, file);
    const found = exactly(tensors, ["encoder.weight", "encoder.bias", "W_dec", "b_dec"], file);
    const [latentDim, inputDim] = found["encoder.weight"].dims;
    const latents = cfg.num_latents || (cfg.expansion_factor ?? Number.NaN) * cfg.d_in;
    if (cfg.d_in !== inputDim || (!Number.isNaN(latents) && latents !== latentDim))
      throw new ConfigError(
        `${source.path}/cfg.json: says d_in ${cfg.d_in} and ${latents} latents, encoder.weight is [${latentDim}, ${inputDim}]`,
      );
    return {
      architecture: "pretrained-topk",
      source: "sparsify",
      options: { k: cfg.k, select: cfg.signed ? "magnitude" : "value", relu: !cfg.signed, inputBias: true },
      tensors: {
        W_enc: found["encoder.weight"],
        b_enc: found["encoder.bias"],
        W_dec: found.W_dec,
        b_dec: found.b_dec,
      },
      layer: null,
      position: null,
    };
  },
};
