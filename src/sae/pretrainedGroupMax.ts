import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { groupMax } from "./groupMax.ts";
import { linearDecode } from "./linear.ts";
import { frozen, inputOptions, linear, preActivations } from "./pretrained.ts";
import { groupMaxSaidIn } from "./saidIn.ts";

/** An SAE trained elsewhere that keeps the largest ReLU(pre) of each of k groups of latents. */
export const pretrainedGroupMax = defineSae({
  ...frozen,
  name: "pretrained-groupmax",
  source: "EleutherAI, sparsify (activation groupmax)",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "groups, of each of which one latent is kept" },
    ...inputOptions,
  },
  refuses: ({ k }, dims) => groupMax.refuses!({ k }, dims),
  params: linear,
  encode(x, params, { options, dims, keep }) {
    const pre = preActivations(x, params, options);
    const groups = op.reshape(pre, [-1, dims.latentDim / options.k]);
    const { z } = keep(groups, groups, 1, op.relu);
    return { pre, z: op.reshape(z, [-1, dims.latentDim]) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ k, inputBias, normalise }) => ({
    ...{ inputBias, normalise, groups: k },
    score: (pre) => pre,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: groupMaxSaidIn,
});
