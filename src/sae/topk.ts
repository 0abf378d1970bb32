import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { outputDimOf } from "./dims.ts";
import { uniform, unitRows } from "./init.ts";
import { linearDecode, linearEncode, meanSquaredError } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { topKSaidIn } from "./saidIn.ts";

/**
 * Keeps the `k` pre-activations of largest magnitude of each row, with their sign, so L0 is exactly `k`; no ReLU.
 * Selection by magnitude is published as AbsTopK (arXiv 2510.00404).
 * Preset `report` is the experiment as its report states it; `original` as its code did it.
 */
export const topK = defineSae({
  name: "topk",
  source:
    "the TopK SAE grid experiment; published as AbsTopK (arXiv 2510.00404); after Gao et al. 2024, Scaling and evaluating sparse autoencoders, section 2.3",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "latents kept per row" },
    select: {
      type: "choice",
      choices: ["magnitude", "value"],
      default: "magnitude",
      describe: "what the k largest are chosen by",
    },
    decoderBias: { type: "boolean", default: false, describe: "whether the decoder has a bias b_dec" },
    unitNorm: {
      type: "choice",
      choices: ["step", "init", "none"],
      default: "step",
      describe: "when decoder rows are made unit length",
    },
  },
  presets: {
    report: { decoderBias: false, unitNorm: "step" },
    original: { decoderBias: true, unitNorm: "init" },
    recommended: { decoderBias: true, unitNorm: "step" },
  },
  // Selection by magnitude kills more latents: they start as they decode, and the dead ones get more of a gradient.
  training: recommended(({ dims }) => ({
    ...{ weightDecay: 0.5, auxCoefficient: 1, biasStart: "mean" },
    ...(outputDimOf(dims) === dims.inputDim ? { tiedStart: "yes" } : {}),
  })),
  // First values as torch.nn.Linear draws them, decoder rows then divided by their length.
  params: ({ inputDim, latentDim, outputDim = inputDim }, { decoderBias, unitNorm }) => ({
    W_enc: { shape: [latentDim, inputDim], perLatent: true, init: uniform(inputDim) },
    b_enc: { shape: [latentDim], perLatent: true, inLatentUnits: true, init: uniform(inputDim) },
    W_dec: {
      shape: [latentDim, outputDim],
      perLatent: true,
      init: unitNorm === "none" ? uniform(latentDim) : unitRows(uniform(latentDim)),
    },
    b_dec: decoderBias ? { shape: [outputDim], perLatent: false, init: uniform(latentDim) } : undefined,
  }),
  sparsity: "k",
  encode(x, params, { options, sparsity: k, keep }) {
    const pre = linearEncode(x, params);
    return keep(pre, options.select === "magnitude" ? op.abs(pre) : pre, k);
  },
  decode: (z, params) => linearDecode(z, params),
  onlyKept: () => true,
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  revival: ({ select }) => ({ pre: linearEncode, by: select }),
  constraints: ({ unitNorm }) => (unitNorm === "step" ? { W_dec: "unitRows" } : {}),
  plain: ({ k, select }) => ({
    inputBias: false,
    keeps: k,
    score: (pre) => (select === "magnitude" ? Math.abs(pre) : pre),
    value: (pre) => pre,
  }),
  saidIn: ({ k, select }, dims) => topKSaidIn({ k, select, relu: false, inputBias: false }, dims),
});
