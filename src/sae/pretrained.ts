import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import type { Dims } from "./dims.ts";
import { zeros } from "./init.ts";
import { jump } from "./jumpRelu.ts";
import { linearDecode, linearEncode } from "./linear.ts";
import { topKSaidIn } from "./saidIn.ts";

type V = Value<"float32">;

const inputBias = {
  type: "boolean",
  default: false,
  describe: "whether b_dec is taken off the input",
} as const;

/** Where weights can come from: a preset each, so that files and tables say it. */
const presets = { experiment: {}, saelens: {}, "gemma-scope": {}, sparsify: {} } as const;

/** The name of a place weights can come from. */
export type Source = keyof typeof presets;

const linear = ({ inputDim, latentDim, outputDim = inputDim }: Dims) =>
  ({
    W_enc: { shape: [latentDim, inputDim], perLatent: true, init: zeros },
    b_enc: { shape: [latentDim], perLatent: true, inLatentUnits: true, init: zeros },
    W_dec: { shape: [latentDim, outputDim], perLatent: true, init: zeros },
    b_dec: { shape: [outputDim], perLatent: false, init: zeros },
  }) as const;

/** `W_enc (x - b_dec) + b_enc`, or of x itself. */
const preActivations = (x: V, params: { W_enc: V; b_enc: V; b_dec: V }, { inputBias }: { inputBias: boolean }): V =>
  linearEncode(inputBias ? op.sub(x, params.b_dec) : x, params);

/** What all SAEs trained elsewhere share: they are frozen and measured here, never trained. */
const frozen = { trainable: false, presets, losses: () => ({}), constraints: () => ({}) } as const;

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
    inputBias,
  },
  params: linear,
  sparsity: "k",
  encode(x, params, { options, sparsity: k, keep }) {
    const pre = preActivations(x, params, options);
    const scores = options.select === "magnitude" ? op.abs(pre) : pre;
    return keep(pre, scores, k, options.relu ? op.relu : undefined);
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ k, select, relu, inputBias }) => ({
    inputBias,
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
  options: { inputBias },
  params: (dims) => ({
    ...linear(dims),
    threshold: { shape: [dims.latentDim], perLatent: true, inLatentUnits: true, init: zeros },
  }),
  encode(x, params, { options }) {
    const pre = preActivations(x, params, options);
    return { pre, z: jump(pre, params.threshold) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ inputBias }) => ({
    inputBias,
    gate: (latent, { threshold }) => Math.max(0, threshold!.data[latent]!),
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: ({ inputBias }, { outputDim }) =>
    outputDim === undefined ? { saelens: { architecture: "jumprelu", inputBias } } : {},
});

/** An SAE trained elsewhere whose latents are `ReLU(pre)`. */
export const pretrainedRelu = defineSae({
  ...frozen,
  name: "pretrained-relu",
  source: "Bricken et al. 2023, Towards monosemanticity; SAELens standard",
  options: { inputBias },
  params: linear,
  encode(x, params, { options }) {
    const pre = preActivations(x, params, options);
    return { pre, z: op.relu(pre) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ inputBias }) => ({ inputBias, gate: () => 0, value: (pre) => Math.max(0, pre) }),
  saidIn: ({ inputBias }, { outputDim }) =>
    outputDim === undefined ? { saelens: { architecture: "standard", inputBias } } : {},
});
