import { stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { defineSae, type LossContext } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { encodeOffBias, linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { topKSaidIn } from "./saidIn.ts";
import { keepTop } from "./select.ts";

type V = Value<"float32">;
interface Params {
  readonly W_enc: V;
  readonly b_enc: V;
  readonly W_dec: V;
  readonly b_dec: V;
}

/**
 * The dead-latent loss: the `auxK` strongest dead latents of each row try to rebuild what the live ones left over,
 * ||e - eHat||^2 with e = stopGradient(target - xHat) and eHat = z_aux W_dec (no b_dec). Dead: not fired for `deadSteps` steps.
 * With no dead latent it is 0. Its gradient reaches W_enc, b_enc and W_dec rows of dead latents, nothing else.
 * Source: Gao et al. 2024, section 2.4 and appendix A.2.
 */
function auxiliaryLoss({
  x,
  target,
  xHat,
  params,
  options,
  dims,
  stepsSinceFired,
  padding,
}: LossContext<Params, { auxK: number; deadSteps: number }, unknown>): V {
  const dead = op.cast(op.greaterOrEqual(stepsSinceFired, options.deadSteps), stepsSinceFired.dtype);
  const pre = encodeOffBias(x, { ...params, b_dec: stopGradient(params.b_dec) }, dims);
  const candidates = op.mul(op.relu(pre), dead);
  const { z } = keepTop(candidates, candidates, options.auxK);
  const error = stopGradient(op.sub(target, xHat));
  const anyDead = op.min(op.reduceSum(dead), 1);
  return op.mul(anyDead, meanSquaredError(error, op.matMul(z, params.W_dec), padding));
}

/** Keeps the `k` largest pre-activations of each row, ReLU'd, so L0 is at most `k`; b_dec is taken off the input first. */
export const topKRelu = defineSae({
  name: "topk-relu",
  source: "Gao et al. 2024, Scaling and evaluating sparse autoencoders (arXiv 2406.04093), sections 2.3 and 2.4",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "latents kept per row" },
    auxK: {
      type: "integer",
      min: 0,
      max: "latentDim",
      default: 0,
      describe: "dead latents kept per row by the auxiliary loss; 0 turns it off",
    },
    auxCoefficient: { type: "number", min: 0, default: 1 / 32, describe: "weight of the auxiliary loss" },
    deadSteps: {
      type: "integer",
      min: 1,
      default: 100,
      describe: "steps without firing after which a latent counts as dead in training",
    },
  },
  presets: { gao2024: {} },
  params: (dims) => tiedParameters(dims, geometricMedian),
  sparsity: "k",
  encode(x, params, { sparsity: k, dims, keep }) {
    const pre = encodeOffBias(x, params, dims);
    return keep(pre, pre, k, op.relu);
  },
  decode: (z, params) => linearDecode(z, params),
  onlyKept: ({ auxK }) => auxK === 0,
  losses(context) {
    const reconstruction = meanSquaredError(context.target, context.xHat, context.padding);
    if (context.options.auxK === 0) return { reconstruction };
    return {
      reconstruction,
      auxiliary: op.mul(
        scope("auxiliary", () => auxiliaryLoss(context)),
        context.options.auxCoefficient,
      ),
    };
  },
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: ({ k }, { outputDim }) => ({
    inputBias: outputDim === undefined,
    keeps: k,
    score: (pre) => pre,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: ({ k }, dims) => topKSaidIn({ k, select: "value", relu: true, inputBias: true }, dims),
});
