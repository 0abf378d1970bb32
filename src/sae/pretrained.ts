import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import type { Dims } from "./dims.ts";
import { zeros } from "./init.ts";
import { jump } from "./jumpRelu.ts";
import { linearDecode, linearEncode } from "./linear.ts";
import { type Normalisation, normalisations, normalised } from "./normalise.ts";
import { relusSaidIn, topKSaidIn } from "./saidIn.ts";

type V = Value<"float32">;

/** Options of every SAE trained elsewhere. */
export const inputOptions = {
  inputBias: { type: "boolean", default: false, describe: "whether b_dec is taken off the input" },
  normalise: {
    type: "choice",
    choices: normalisations,
    default: "none",
    describe: "how every row is brought to one scale before it is encoded",
  },
} as const;

interface InputOptions {
  readonly inputBias: boolean;
  readonly normalise: Normalisation;
}

/** Where weights can come from: a preset each, so that files and tables say it. */
const presets = {
  ...{ experiment: {}, saelens: {}, sparsify: {}, "dictionary-learning": {}, openai: {} },
  ...{ "gemma-scope": {}, "gemma-scope-2": {}, "llama-scope": {}, "qwen-scope": {} },
} as const;

/** The name of a place weights can come from. */
export type Source = keyof typeof presets;

export const linear = ({ inputDim, latentDim, outputDim = inputDim }: Dims) =>
  ({
    W_enc: { shape: [latentDim, inputDim], perLatent: true, init: zeros },
    b_enc: { shape: [latentDim], perLatent: true, inLatentUnits: true, init: zeros },
    W_dec: { shape: [latentDim, outputDim], perLatent: true, init: zeros },
    b_dec: { shape: [outputDim], perLatent: false, init: zeros },
  }) as const;

/** What the encoder sees of x: brought to one scale, b_dec taken off; or x itself. */
export function encoderInput(x: V, { b_dec }: { b_dec: V | undefined }, { inputBias, normalise }: InputOptions): V {
  const { x: scaled } = normalised(normalise, x);
  return inputBias && b_dec ? op.sub(scaled, b_dec) : scaled;
}

/** `W_enc (x - b_dec) + b_enc`, or of x itself. */
export const preActivations = (x: V, params: { W_enc: V; b_enc: V; b_dec: V }, options: InputOptions): V =>
  linearEncode(encoderInput(x, params, options), params);

/** What all SAEs trained elsewhere share: they are frozen and measured here, never trained. A transcoder's outputs have a scale of their own. */
export const frozen = {
  ...{ trainable: false, presets, losses: () => ({}), constraints: () => ({}) },
  restore: (xHat: V, x: V, { normalise }: InputOptions, { outputDim }: Dims) =>
    outputDim === undefined ? normalised(normalise, x).restore(xHat) : xHat,
} as const;

/** An SAE trained elsewhere that keeps `k` latents: by magnitude with their sign, or by value with or without a ReLU. */
export const pretrainedTopK = defineSae({
  ...frozen,
  name: "pretrained-topk",
  source: "SAELens topk; EleutherAI sparsify (Gao et al. 2024); the TopK SAE grid experiment",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "latents kept per row" },
    select: {
      type: "choice",
      choices: ["magnitude", "value"],
      default: "value",
      describe: "what the k largest are chosen by",
    },
    relu: { type: "boolean", default: true, describe: "whether kept values below zero become zero" },
    ...inputOptions,
  },
  params: linear,
  sparsity: "k",
  encode(x, params, { options, sparsity: k, keep }) {
    const pre = preActivations(x, params, options);
    const scores = options.select === "magnitude" ? op.abs(pre) : pre;
    return keep(pre, scores, k, options.relu ? op.relu : undefined);
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ k, select, relu, inputBias, normalise }) => ({
    ...{ inputBias, normalise },
    keeps: k,
    score: (pre) => (select === "magnitude" ? Math.abs(pre) : pre),
    value: (pre) => (relu ? Math.max(0, pre) : pre),
  }),
  saidIn: topKSaidIn,
});

/** An SAE trained elsewhere whose latents are `ReLU(pre) [pre > threshold]`, one threshold a latent. */
export const pretrainedJumpRelu = defineSae({
  ...frozen,
  name: "pretrained-jumprelu",
  source: "Rajamanoharan et al. 2024, Jumping ahead (arXiv 2407.14435)",
  options: inputOptions,
  params: (dims) => ({
    ...linear(dims),
    threshold: { shape: [dims.latentDim], perLatent: true, inLatentUnits: true, init: zeros },
  }),
  encode(x, params, { options }) {
    const pre = preActivations(x, params, options);
    return { pre, z: jump(pre, params.threshold) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ inputBias, normalise }) => ({
    ...{ inputBias, normalise },
    gate: (latent, { threshold }) => Math.max(0, threshold!.data[latent]!),
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: relusSaidIn("jumprelu"),
});

/** An SAE trained elsewhere whose latents are `ReLU(pre)`. */
export const pretrainedRelu = defineSae({
  ...frozen,
  name: "pretrained-relu",
  source: "Bricken et al. 2023, Towards monosemanticity; SAELens standard",
  options: inputOptions,
  params: linear,
  encode(x, params, { options }) {
    const pre = preActivations(x, params, options);
    return { pre, z: op.relu(pre) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ inputBias, normalise }) => ({
    ...{ inputBias, normalise },
    gate: () => 0,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: relusSaidIn("standard"),
});
