import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { encodeOffBias, linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { topKSaidIn } from "./saidIn.ts";

/** Keeps the `k` largest pre-activations of each row, ReLU'd, so L0 is at most `k`; b_dec is taken off the input first. */
export const topKRelu = defineSae({
  name: "topk-relu",
  source: "Gao et al. 2024, Scaling and evaluating sparse autoencoders (arXiv 2406.04093), section 2.3",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "latents kept per row" },
  },
  presets: { gao2024: {}, recommended: {} },
  training: recommended({ weightDecay: 1 }),
  params: (dims) => tiedParameters(dims, geometricMedian),
  sparsity: "k",
  encode(x, params, { sparsity: k, dims, keep }) {
    const pre = encodeOffBias(x, params, dims);
    return keep(pre, pre, k, op.relu);
  },
  decode: (z, params) => linearDecode(z, params),
  onlyKept: () => true,
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  revival: (_options) => ({ pre: encodeOffBias, by: "relu" }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: ({ k }, { outputDim }) => ({
    inputBias: outputDim === undefined,
    keeps: k,
    score: (pre) => pre,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: ({ k }, dims) => topKSaidIn({ k, select: "value", relu: true, inputBias: true }, dims),
});
