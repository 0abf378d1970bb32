import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../config/config.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { weightsOf } from "./weights.ts";

/** The configuration of the same SAE without signs; `undefined` where it keeps none, or not by magnitude. */
export function unsignedConfig(config: TrainConfig): TrainConfig | undefined {
  const { k, select, relu = false, inputBias = false, normalise = "none" } = config.options;
  if (select !== "magnitude" || relu) return undefined;
  const options = { k: k!, select: "value", relu: true, inputBias, normalise };
  return { ...config, architecture: "pretrained-topk", options, latentDim: 2 * config.latentDim };
}

/**
 * An SAE that keeps the k latents of largest magnitude with their sign, as one of twice the latents that keeps the k largest of ReLU: its
 * encoder is [W_enc; -W_enc], its decoder [W_dec; -W_dec], so that of latents i and latentDim + i one is above 0, and is |z_i|. The
 * reconstruction is the same. Only ties differ: at equal magnitudes latents above 0 come first, where the SAE itself keeps the lower number.
 * @throws {ConfigError} for an SAE without signs.
 */
export function unsigned(checkpoint: Checkpoint, file: string): Checkpoint {
  const config = unsignedConfig(checkpoint.config);
  if (!config) {
    const { architecture } = checkpoint.config;
    throw new ConfigError(
      `${file}: --unsigned is for an SAE that keeps latents by magnitude, with their sign; ${architecture} with these options does not, leave it out`,
    );
  }
  const { W_enc, b_enc, W_dec, ...rest } = weightsOf(checkpoint);
  const doubled = { W_enc: twice(W_enc), b_enc: twice(b_enc), W_dec: twice(W_dec) };
  return { ...checkpoint, config, tensors: { ...rest, ...doubled } };
}

/** A tensor, and below it the same with the other sign. */
function twice({ dims, data }: HostTensor<"float32">): HostTensor<"float32"> {
  const out = new Float32Array(2 * data.length);
  out.set(data);
  for (let i = 0; i < data.length; i++) out[data.length + i] = -data[i]!;
  return tensor("float32", [2 * dims[0]!, ...dims.slice(1)], out);
}
