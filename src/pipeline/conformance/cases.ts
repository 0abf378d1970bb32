import { random } from "../../util/random.ts";
import { tensor } from "../../util/tensor.ts";
import type { Tensors } from "./folded.ts";
import { plainWords, type Words } from "./words.ts";

/** One SAE of the kit, and what goes wrong with it. */
export interface Case {
  readonly name: string;
  /** What an implementation gets wrong that is caught by it; one sentence. */
  readonly trap: string;
  readonly words: Words;
  /** Matrices have a row per latent. */
  readonly tensors: Tensors;
  /** How its tensors are stored. */
  readonly dtype: "F32" | "F16" | "BF16";
  /** What its last rows are made for: latents of equal score, of which one is kept; or a row of zeros, at which the biases decide. */
  readonly planted?: "ties" | "zeros";
}

const inputDim = 16;

/** How a case differs from the plain SAE of its activation. */
interface Change extends Partial<Words> {
  readonly latentDim?: number;
  readonly outputDim?: number;
  readonly dtype?: Case["dtype"];
  readonly planted?: Case["planted"];
  /** Puts the trap into the weights. */
  readonly plant?: (data: Readonly<Record<string, Float32Array>>) => void;
}

/** Latents 7 and 31 see the same, or the opposite. */
const twins =
  (sign: 1 | -1) =>
  ({ W_enc, b_enc }: Readonly<Record<string, Float32Array>>) => {
    W_enc!.set(
      W_enc!.subarray(7 * inputDim, 8 * inputDim).map((v) => sign * v),
      31 * inputDim,
    );
    b_enc![31] = sign * b_enc![7]!;
  };

const cases: Readonly<Record<string, readonly [trap: string, Words["activation"], Change?]>> = {
  relu: ["b_dec is taken off the input though it only belongs to the output", "relu"],
  "relu-b_dec-in": ["b_dec is not taken off the input", "relu", { subtract_b_dec: true }],
  "relu-square": [
    "a matrix is taken as transposed: nothing tells by its shape",
    "relu",
    { latentDim: inputDim, subtract_b_dec: true },
  ],
  "relu-centred": ["the mean is not taken off, or not added again", "relu", { centred: true, input_factor: 1.75 }],
  topk: ["it is read as ReLU, and keeps all latents above 0", "topk", { k: 5 }],
  "topk-b_dec-in": ["b_dec is not taken off the input", "topk", { k: 5, subtract_b_dec: true }],
  "topk-few": [
    "fewer than k latents are above 0: kept values below 0 stay, or others fill up",
    "topk",
    { k: 12, plant: ({ b_enc }) => b_enc!.set(b_enc!.map((v) => v - 3)) },
  ],
  "topk-ties": ["both of two equal latents are kept, k + 1 in all", "topk", { k: 5, planted: "ties", plant: twins(1) }],
  "topk-rescaled": [
    "pre-activations are not multiplied by the lengths of decoder rows before the k largest are chosen",
    "topk",
    { k: 5, decoder_norm: "rescale" },
  ],
  "topk-float16": ["weights are not read as float16, or products are rounded to it", "topk", { k: 5, dtype: "F16" }],
  "topk-bfloat16": ["weights are not read as bfloat16, or products are rounded to it", "topk", { k: 5, dtype: "BF16" }],
  "topk-factor": [
    "the input is scaled, and the reconstruction not scaled back; or only W_enc and W_dec are folded, not b_dec",
    "topk",
    { k: 5, input_factor: 0.4 },
  ],
  "topk-factor-b_dec-in": [
    "b_dec is taken off the input before it is scaled",
    "topk",
    { k: 5, input_factor: 0.4, subtract_b_dec: true },
  ],
  "topk-layer-norm": ["std is divided by n, not n - 1; nothing is undone", "topk", { k: 5, normalise: "layer_norm" }],
  "topk-constant-norm": ["a row of zeros gives NaN", "topk", { k: 5, normalise: "constant_norm" }],
  abstopk: ["the k largest are chosen by value; values below 0 are lost", "abstopk", { k: 5 }],
  "abstopk-b_dec-in": ["b_dec is not taken off the input", "abstopk", { k: 5, subtract_b_dec: true }],
  "abstopk-ties": [
    "both of two opposite latents are kept, or they cancel",
    "abstopk",
    { k: 5, planted: "ties", plant: twins(-1) },
  ],
  jumprelu: ["the threshold is taken off the latents, or left out", "jumprelu"],
  "jumprelu-b_dec-in": ["b_dec is not taken off the input", "jumprelu", { subtract_b_dec: true }],
  "jumprelu-factor": ["the threshold is scaled with the input", "jumprelu", { input_factor: 0.4 }],
  "jumprelu-at-threshold": [
    "a latent exactly at its threshold is kept",
    "jumprelu",
    { planted: "zeros", plant: ({ b_enc, threshold }) => b_enc!.set([threshold![3]!], 3) },
  ],
  "jumprelu-threshold-float32": [
    "thresholds or biases are rounded to bfloat16: latent 3 lies between a threshold and what that would be rounded to",
    "jumprelu",
    {
      planted: "zeros",
      plant: ({ b_enc, threshold }) => {
        threshold![3] = 1 + 2 ** -8 + 2 ** -10;
        b_enc![3] = threshold![3]! + 2 ** -10;
      },
    },
  ],
  "jumprelu-bfloat16": ["a threshold in bfloat16 is not read as such", "jumprelu", { dtype: "BF16" }],
  "jumprelu-decoder-norm": [
    "what is compared with the threshold is not multiplied by the length of its decoder row",
    "jumprelu",
    { decoder_norm: "threshold" },
  ],
  batchtopk: [
    "the k largest of the batch or of the row are kept, not those above the threshold",
    "batchtopk",
    { k: 5 },
  ],
  gated: ["r_mag is not an exponent; gates give the values", "gated"],
  "gated-b_dec-in": ["b_dec is not taken off the input", "gated", { subtract_b_dec: true }],
  groupmax: ["the k largest of all are kept, not one a group", "groupmax", { k: 6, subtract_b_dec: true }],
  "matching-pursuit": [
    "all products are of the input, not of what is left of it",
    "matching_pursuit",
    { k: 6, subtract_b_dec: true },
  ],
  transcoder: ["the output has the input's width", "relu", { transcoder: true, outputDim: 12 }],
  "transcoder-same-width": [
    "b_dec, which is of the output, is taken off the input",
    "topk",
    { k: 5, transcoder: true },
  ],
  "transcoder-layer-norm": [
    "the output is brought back to the input's scale",
    "relu",
    { transcoder: true, normalise: "layer_norm" },
  ],
  "jumprelu-transcoder": ["it is read as ReLU", "jumprelu", { transcoder: true, outputDim: 12 }],
  "skip-transcoder": ["W_skip x is left out, or W_skip transposed", "relu", { transcoder: true, skip: true }],
};

/** Every case, with its weights: the same on every machine. */
export const allCases = (): Case[] =>
  Object.entries(cases).map(([name, [trap, activation, change = {}]]) => {
    const { latentDim = 48, outputDim = inputDim, dtype = "F32", planted, plant, ...told } = change;
    const words = { ...plainWords, ...told, activation };
    const tensors = weightsFor(name, words, { latentDim, outputDim });
    plant?.(Object.fromEntries(Object.entries(tensors).map(([key, { data }]) => [key, data])));
    return { name, trap, words, tensors, dtype, ...(planted ? { planted } : {}) };
  });

/** Random weights: decoder rows of lengths from 0.5 to 2, and biases so large that none can be left out unnoticed. */
function weightsFor(name: string, words: Words, { latentDim, outputDim }: { latentDim: number; outputDim: number }) {
  const rng = random(0, `conformance ${name}`);
  const filled = (dims: readonly number[], of: () => number) =>
    tensor("float32", dims, Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, of));
  const normal = (scale: number) => () => scale * rng.normal();
  const W_dec = filled([latentDim, outputDim], normal(1));
  const isPursuit = words.activation === "matching_pursuit";
  for (let latent = 0; latent < latentDim; latent++) {
    const row = W_dec.data.subarray(latent * outputDim, (latent + 1) * outputDim);
    const length = Math.hypot(...row);
    const wanted = isPursuit ? 1 : 0.5 + 1.5 * rng.uniform();
    row.set(row.map((v) => (v * wanted) / length));
  }
  const perLatent = { normal: (scale: number) => filled([latentDim], normal(scale)) };
  const positive = (one: number) => filled([latentDim], () => one);
  const { activation } = words;
  return {
    ...(isPursuit ? {} : { W_enc: filled([latentDim, inputDim], normal(0.4)) }),
    ...(isPursuit || activation === "gated" ? {} : { b_enc: perLatent.normal(0.4) }),
    ...{ W_dec, b_dec: filled([outputDim], normal(0.7)) },
    ...(activation === "jumprelu" ? { threshold: filled([latentDim], () => 0.5 + rng.uniform()) } : {}),
    ...(activation === "batchtopk" ? { threshold: positive(1.2) } : {}),
    ...(activation === "gated"
      ? { b_gate: perLatent.normal(0.4), r_mag: perLatent.normal(0.4), b_mag: perLatent.normal(0.4) }
      : {}),
    ...(words.centred ? { mean: filled([inputDim], normal(1.5)) } : {}),
    ...(words.skip ? { W_skip: filled([outputDim, inputDim], normal(0.3)) } : {}),
  } satisfies Tensors;
}
