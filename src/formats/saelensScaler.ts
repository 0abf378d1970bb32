import { z } from "zod";
import { readSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { SourceFiles } from "./format.ts";
import { readJson } from "./json.ts";
import type { Config } from "./saelensConfig.ts";
import { exactly, product, scaled } from "./weights.ts";

type F32 = HostTensor<"float32">;
type Tensors = Readonly<Record<string, F32>>;

/** Files of a training checkpoint: what its inputs went through, where that is not in the weights yet. */
export const scalerFiles = ["activation_scaler.json", "activation_whitening.safetensors"] as const;

const scaler = z.strictObject({
  scaling_factor: z.number().positive().nullable(),
  has_whitening: z.boolean().optional(),
});

/** What the inputs of a training went through, outside of what the weights and cfg.json compute. */
export interface Outside {
  readonly factor: number;
  /** x becomes (x - mean) matrix, and back by inverse_matrix; each as stored, `[in, out]`. */
  readonly whitening?: { readonly mean: F32; readonly matrix: F32; readonly inverse_matrix: F32 };
}

/** What cfg.json, the scaler's files and the caller say of it. @throws {ConfigError} when they contradict each other, or nothing says it. */
export function outsideOf(source: SourceFiles, { outside, d_in }: Config): Outside {
  const [json, matrices] = scalerFiles;
  const where = `${source.path}/cfg.json`;
  const said = source.files.has(json) ? readJson(source, json, scaler) : undefined;
  const factor = said?.scaling_factor ?? source.normFactor;
  if (said?.scaling_factor != null && source.normFactor !== undefined && source.normFactor !== said.scaling_factor)
    throw new ConfigError(
      `${source.path}/${json}: scaling_factor is ${said.scaling_factor}, --norm-factor ${source.normFactor}`,
    );
  if (outside !== "factor" && factor !== undefined && factor !== null)
    throw new ConfigError(
      `${where}: inputs were multiplied by ${factor}, and normalize_activations is not expected_average_only_in; which of the two is right?`,
    );
  if (outside === "factor" && factor === undefined)
    throw new ConfigError(
      `${where}: normalize_activations is expected_average_only_in, and no file says by what; give the norm_scaling_factor of its release with --norm-factor (1: unscaled, as SAELens loads such a folder from disk)`,
    );
  if (said?.has_whitening === true && !source.files.has(matrices))
    throw new ConfigError(`${source.path}/${json}: has_whitening is true, and ${matrices} is missing`);
  const hasMatrices = source.files.has(matrices) && said?.has_whitening !== false;
  if ((outside === "whitening") !== hasMatrices)
    throw new ConfigError(
      outside === "whitening"
        ? `${where}: normalize_activations is covariance_whitening, and ${matrices} is missing`
        : `${source.path}/${matrices}: is there, and normalize_activations is not covariance_whitening; which of the two is right?`,
    );
  if (!hasMatrices) return { factor: factor ?? 1 };
  const file = `${source.path}/${matrices}`;
  const { tensors } = readSafetensors(source.files.get(matrices)!, file);
  const whitening = exactly(tensors, ["mean", "matrix", "inverse_matrix"], file);
  for (const [name, { dims }] of Object.entries(whitening))
    if (dims.join() !== (name === "mean" ? `${d_in}` : `${d_in},${d_in}`))
      throw new ConfigError(`${file}: ${name} is [${dims.join(", ")}], d_in is ${d_in}`);
  return { factor: 1, whitening };
}

/**
 * Weights that compute from raw inputs what these do from inputs times a factor, and give their reconstruction divided by it: W_enc
 * times it, W_dec and b_dec divided by it. Matching pursuit's one matrix stays. A threshold in the units of latents that are rescaled
 * by the length of decoder rows is divided too. Source: SAELens, fold_activation_norm_scaling_factor.
 */
export function foldFactor(weights: Tensors, factor: number, rescale: boolean): Tensors {
  if (factor === 1) return weights;
  const { W_enc, W_dec, b_dec, topk_threshold } = weights as Record<string, F32>;
  return {
    ...weights,
    ...(W_enc ? { W_enc: scaled(W_enc, factor), W_dec: scaled(W_dec!, 1 / factor) } : {}),
    b_dec: scaled(b_dec!, 1 / factor),
    ...(topk_threshold && rescale ? { topk_threshold: scaled(topk_threshold, 1 / factor) } : {}),
  };
}

/**
 * The same for inputs that became (x - mean) M: `W_enc` (one row a latent) times M's transpose, `W_dec` times the inverse, `b_dec` times
 * the inverse plus mean; encoder biases less W_enc mean where b_dec is not taken off the input. Source: SAELens, fold_activation_whitening.
 */
export function foldWhitening(weights: Tensors, { whitening }: Outside, inputBias: boolean): Tensors {
  if (!whitening) return weights;
  const { mean, matrix, inverse_matrix } = whitening;
  const { b_dec, r_mag } = weights as Record<string, F32>;
  const width = mean.data.length;
  const W_enc = product(weights.W_enc!, matrix, { transposed: true });
  const back = product(tensor("float32", [1, width], b_dec!.data), inverse_matrix);
  const shift = product(tensor("float32", [1, width], mean.data), W_enc, { transposed: true }).data;
  const off = (bias: F32 | undefined, gain?: F32) =>
    bias &&
    tensor(
      "float32",
      bias.dims,
      bias.data.map((value, i) => value - shift[i]! * (gain ? Math.exp(gain.data[i]!) : 1)),
    );
  const biases = inputBias
    ? {}
    : { b_enc: off(weights.b_enc), b_gate: off(weights.b_gate), b_mag: off(weights.b_mag, r_mag) };
  return {
    ...weights,
    ...{ W_enc, W_dec: product(weights.W_dec!, inverse_matrix) },
    b_dec: tensor(
      "float32",
      [width],
      back.data.map((value, i) => value + mean.data[i]!),
    ),
    ...Object.fromEntries(Object.entries(biases).filter((entry): entry is [string, F32] => entry[1] !== undefined)),
  };
}
