import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { gated } from "./gated.ts";
import { zeros } from "./init.ts";
import { linearDecode } from "./linear.ts";
import { encoderInput, frozen, inputOptions, linear } from "./pretrained.ts";
import { relusSaidIn } from "./saidIn.ts";

/** An SAE trained elsewhere with gates: u = W_enc x, z = [u + b_gate > 0] ReLU(exp(r_mag) u + b_mag). */
export const pretrainedGated = defineSae({
  ...frozen,
  name: "pretrained-gated",
  source: "Rajamanoharan et al. 2024 (arXiv 2404.16014); SAELens gated; dictionary_learning GatedAutoEncoder",
  options: inputOptions,
  params(dims) {
    const { b_enc: b_gate, ...rest } = linear(dims);
    const perLatent = { shape: [dims.latentDim], perLatent: true, init: zeros } as const;
    return { ...rest, b_gate, r_mag: perLatent, b_mag: { ...perLatent, inLatentUnits: true, gain: "r_mag" } };
  },
  encode(x, params, { options }) {
    const u = op.gemm(encoderInput(x, params, options), params.W_enc, { transB: true });
    const pre = op.add(u, params.b_gate);
    const magnitude = op.add(op.mul(u, op.exp(params.r_mag)), params.b_mag);
    return { pre, z: op.where(op.greater(pre, 0), op.relu(magnitude), 0) };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ inputBias, normalise }, dims) => ({ ...gated.plain({ lambda: 0 }, dims), inputBias, normalise }),
  saidIn: relusSaidIn("gated"),
});
