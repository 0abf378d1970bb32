import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import { zeros } from "./init.ts";
import { encodeOffBias, linearDecode, meanOverRows, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { relusSaidIn } from "./saidIn.ts";

type V = Value<"float32">;

/** z^p of latents of 0 or more, with no gradient at 0, where its slope is infinite. */
function power(z: V, p: V): V {
  const on = op.greater(z, 0);
  return op.where(on, op.pow(op.where(on, z, 1), p), 0);
}

/**
 * ReLU latents under a penalty that moves from sum |z| towards L0: the loss is (|x - xHat|^2 + lambda f sum z^p) / outputDim, a mean over rows.
 * p is 1 until `annealFrom` of all steps is done and falls in a straight line to `pEnd` at the end.
 *
 * The factor f keeps the penalty as strong as it was: when p moves to q, f is multiplied by sum z^p / sum z^q over the step's batch. Karvonen et
 * al. move p a few times and average over some batches; here it moves at every step, by so little that one batch says enough.
 */
export const pAnneal = defineSae({
  name: "p-anneal",
  source: "Karvonen et al. 2024, Measuring progress in dictionary learning with board game models (arXiv 2408.00113)",
  options: {
    lambda: {
      type: "number",
      min: 0,
      describe: "weight of the sum of |z|, where squared errors are summed over dimensions",
    },
    pEnd: { ...{ type: "number", min: 0, max: 1, open: "min", default: 0.2 }, describe: "the power of z at the end" },
    annealFrom: {
      ...{ type: "number", min: 0, max: 1, open: "max", default: 0.2 },
      describe: "the share of all steps after which the power of z begins to fall from 1",
    },
  },
  sparsity: "lambda",
  presets: { karvonen2024: {}, recommended: {} },
  training: recommended({}),
  params: (dims) => tiedParameters(dims, zeros),
  timed: true,
  state: {
    tensors: () => ({ p: { shape: [], start: 1 }, penalty_factor: { shape: [], start: 1 } }),
    next({ code, state: { p, penalty_factor }, options: { pEnd, annealFrom }, progress, padding }) {
      const share = op.max(op.div(op.sub(progress!, annealFrom), 1 - annealFrom), 0);
      const q = op.sub(1, op.mul(op.min(share, 1), 1 - pEnd));
      const z = padding ? op.mul(code.z, padding.mask) : code.z;
      const [before, after] = [op.reduceSum(power(z, p)), op.reduceSum(power(z, q))];
      // A batch in which nothing fires says nothing.
      const ratio = op.where(op.greater(after, 0), op.div(before, op.max(after, 1e-30)), 1);
      return { p: q, penalty_factor: op.mul(penalty_factor, ratio) };
    },
  },
  encode(x, params, { dims }) {
    const pre = encodeOffBias(x, params, dims);
    return { pre, z: op.relu(pre) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses({ target, xHat, code, params, sparsity: lambda, state: { p, penalty_factor }, padding }) {
    const size = meanOverRows(op.reduceSum(power(code.z, p), { axes: [1], keepDims: true }), padding);
    const weighed = op.mul(op.mul(size, penalty_factor), lambda);
    return {
      reconstruction: meanSquaredError(target, xHat, padding),
      sparsity: op.div(weighed, params.W_dec.shape[1] as number),
    };
  },
  revival: (_options) => ({ pre: encodeOffBias, by: "relu" }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: (_options, { outputDim }) => ({
    inputBias: outputDim === undefined,
    gate: () => 0,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: (_options, dims) => relusSaidIn("standard")({ inputBias: true }, dims),
});
