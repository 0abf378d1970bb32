import { customGradient, stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { defineSae, type Padding } from "./architecture.ts";
import { filled, zeros } from "./init.ts";
import { linearDecode, linearEncode, meanOverRows, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { relusSaidIn } from "./saidIn.ts";

type V = Value<"float32">;

/** `ReLU(pre) [pre > threshold]`, one threshold a latent. */
export const jump = (pre: V, threshold: V): V => op.where(op.greater(pre, threshold), op.relu(pre), 0);

/** The rectangle R((pre - threshold) / width): 1 where they are less than half a width apart, 0 elsewhere. */
const near = (pre: V, threshold: V, width: number): V =>
  op.cast(op.less(op.abs(op.sub(stopGradient(pre), stopGradient(threshold))), width / 2), pre.dtype);

/**
 * The same with a gradient for the threshold, straight through the jump: dz/dpre = [z > 0],
 * dz/dthreshold = -(threshold / width) R((pre - threshold) / width). Source: Rajamanoharan et al. 2024, equation 11.
 */
export const jumpThrough = (pre: V, threshold: V, width: number): V =>
  customGradient(
    [pre, threshold],
    (pre, threshold) => [jump(pre, threshold)] as const,
    ([dz], [z]) => {
      const slope = op.mul(stopGradient(threshold), op.mul(near(pre, threshold, width), -1 / width));
      return [dz && op.mul(dz, op.cast(op.greater(z, 0), pre.dtype)), dz && op.mul(dz, slope)];
    },
  )[0];

/** H(pre - threshold), 1 or 0, with dH/dthreshold = -(1 / width) R((pre - threshold) / width) and dH/dpre = 0; equation 12. */
export const stepThrough = (pre: V, threshold: V, width: number): V =>
  customGradient(
    [threshold],
    (threshold) => [op.cast(op.greater(stopGradient(pre), threshold), pre.dtype)] as const,
    ([dy]) => [dy && op.mul(dy, op.mul(near(pre, threshold, width), -1 / width))],
  )[0];

interface Latents {
  readonly pre: V;
  readonly z: V;
  readonly params: { readonly threshold: V; readonly W_dec: V };
  readonly options: { readonly penalty: string; readonly bandwidth: number; readonly targetL0: number };
  readonly padding: Padding | undefined;
}

/** What `lambda` weighs, where squared errors are summed over dimensions. */
function penaltyOf({ pre, z, params: { threshold, W_dec }, options, padding }: Latents): V {
  const { penalty, bandwidth, targetL0 } = options;
  const overLatents = (x: V) => meanOverRows(op.reduceSum(x, { axes: [1], keepDims: true }), padding);
  if (penalty === "tanh") {
    const length = op.sqrt(op.reduceSum(op.mul(W_dec, W_dec), { axes: [1] }));
    return overLatents(op.tanh(op.mul(op.mul(z, length), 4)));
  }
  const l0 = overLatents(stepThrough(pre, threshold, bandwidth));
  if (penalty === "step") return l0;
  const off = op.sub(op.div(l0, targetL0), 1);
  return op.mul(off, off);
}

/**
 * Latents are `ReLU(pre) [pre > threshold]`. Thresholds get their gradients straight through the jump, from pre-activations less than half
 * a `bandwidth` away. The loss is (|x - xHat|^2 + lambda penalty) / outputDim, a mean over rows, so that `lambda` means what it means where
 * squared errors are summed. Penalties:
 *
 * - `step`: the number of latents above their thresholds (L0)
 * - `quadratic`: (L0 / targetL0 - 1)^2, with L0 the batch's mean
 * - `tanh`: the sum of tanh(4 |d| z), with |d| the length of a latent's decoder row, which is free here. Anthropic also pass gradients
 *   through the rectangle to pre-activations, and have a loss for dead latents: neither is here
 *
 * Thresholds are trained as they are, not by their logarithms: Adam moves a logarithm by its learning rate at most, and from .001 to .1
 * that takes 4,600 steps of 1e-3. Bandwidth and first thresholds are for inputs of one size, so inputs are scaled by default.
 */
export const jumpRelu = defineSae({
  name: "jumprelu",
  source:
    "Rajamanoharan et al. 2024, Jumping ahead (arXiv 2407.14435); its appendix on a desired L0; Anthropic, Circuits updates, January 2025",
  options: {
    lambda: {
      type: "number",
      min: 0,
      describe: "weight of the penalty, where squared errors are summed over dimensions",
    },
    penalty: {
      type: "choice",
      choices: ["step", "quadratic", "tanh"],
      default: "step",
      describe: "what is penalised: L0, its distance from targetL0 squared, or a smooth L0 of tanh",
    },
    targetL0: {
      type: "number",
      min: 0,
      max: "latentDim",
      default: 0,
      describe: "the L0 that penalty quadratic leads to",
    },
    bandwidth: {
      ...{ type: "number", min: 0, open: "min", default: 0.05 },
      describe: "a threshold learns from pre-activations less than half of this away",
    },
    firstThreshold: { type: "number", min: 0, default: 0.01, describe: "first value of every threshold" },
  },
  sparsity: "lambda",
  presets: {
    rajamanoharan2024: { penalty: "step", bandwidth: 0.001, firstThreshold: 0.001 },
    "rajamanoharan2024-target": { penalty: "quadratic", lambda: 1, targetL0: 20 },
    // Theirs are 2 and .1, for rows of length sqrt(outputDim): this is for rows of length 1 and 512 dims.
    "anthropic-january-2025": { penalty: "tanh", bandwidth: 0.1, firstThreshold: 0.005 },
    recommended: { penalty: "quadratic", lambda: 1, targetL0: 20, firstThreshold: 0.05 },
  },
  refuses({ penalty, targetL0 }) {
    if (penalty === "quadratic" && targetL0 === 0)
      return "penalty quadratic needs targetL0, the L0 it leads to; give it, above 0";
    if (penalty !== "quadratic" && targetL0 !== 0)
      return `targetL0 is for penalty quadratic, penalty is ${penalty}; leave one of them out`;
    return undefined;
  },
  training: (options, chosen) => ({
    inputScale: "rows",
    ...recommended({ weightDecay: 1 })(options, chosen),
  }),
  params: (dims, { firstThreshold }) => ({
    ...tiedParameters(dims, zeros),
    threshold: { shape: [dims.latentDim], perLatent: true, inLatentUnits: true, init: filled(firstThreshold) },
  }),
  encode(x, params, { mode, options }) {
    const pre = linearEncode(x, params);
    const z = mode === "train" ? jumpThrough(pre, params.threshold, options.bandwidth) : jump(pre, params.threshold);
    return { pre, z };
  },
  decode: (z, params) => linearDecode(z, params),
  losses({ target, xHat, code: { pre, z }, params, options, sparsity: lambda, padding }) {
    const penalty = scope("penalty", () => penaltyOf({ pre, z, params, options, padding }));
    return {
      reconstruction: meanSquaredError(target, xHat, padding),
      sparsity: op.mul(op.div(penalty, params.W_dec.shape[1] as number), lambda),
    };
  },
  revival: (_options) => ({ pre: linearEncode, by: "relu" }),
  constraints: ({ penalty }) => ({
    ...(penalty === "tanh" ? {} : { W_dec: "unitRowsProjected" }),
    threshold: "nonNegative",
  }),
  plain: () => ({
    inputBias: false,
    gate: (latent, { threshold }) => Math.max(0, threshold!.data[latent]!),
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: (_options, dims) => relusSaidIn("jumprelu")({ inputBias: false }, dims),
});
