import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { encodeOffBias, linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { groupMaxSaidIn } from "./saidIn.ts";

/**
 * Latents stand in k groups of latentDim / k, one after the other; of each group the largest ReLU(pre) is kept, so L0 is at most `k`.
 * Selection is a TopK of 1 over the groups as rows. k is part of the shapes, so no schedule can change it: it is not called the sparsity.
 */
export const groupMax = defineSae({
  name: "groupmax",
  source: "EleutherAI, sparsify (activation groupmax)",
  options: {
    k: {
      type: "integer",
      min: 1,
      max: "latentDim",
      describe: "latents kept per row (groupmax: one of each of k groups)",
    },
  },
  presets: { sparsify: {}, recommended: {} },
  training: recommended({ weightDecay: 1 }),
  refuses: ({ k }, { latentDim }) =>
    latentDim % k === 0
      ? undefined
      : `groupmax needs groups of one size: latentDim = ${latentDim} is no multiple of k = ${k}; change one of them`,
  params: (dims) => tiedParameters(dims, geometricMedian),
  encode(x, params, { options: { k }, dims, keep }) {
    const pre = encodeOffBias(x, params, dims);
    const groups = op.reshape(pre, [-1, dims.latentDim / k]);
    const { z } = keep(groups, groups, 1, op.relu);
    return { pre, z: op.reshape(z, [-1, dims.latentDim]) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  revival: (_options) => ({ pre: encodeOffBias, by: "relu" }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: ({ k }, { outputDim }) => ({
    inputBias: outputDim === undefined,
    groups: k,
    score: (pre) => pre,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: ({ k }, dims) => groupMaxSaidIn({ k, inputBias: true }, dims),
});
