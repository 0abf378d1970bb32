import * as op from "../graph/ops.ts";
import { defineSae } from "./architecture.ts";
import { zeros } from "./init.ts";
import { encodeOffBias, linearDecode, linearEncode, meanOverRows, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { relusSaidIn } from "./saidIn.ts";

/**
 * Latents are `ReLU(pre)`, kept few by a penalty: the loss is (|x - xHat|^2 + lambda sum |z|) / outputDim, a mean over rows. So `lambda`
 * means what it means where squared errors are summed over dimensions, at any width and batch size.
 *
 * Penalty `sum`: decoder rows have unit length, b_dec is taken off the input (Bricken et al. 2023). Penalty `decoder-norm`: decoder rows
 * are free, and each latent weighs by the length of its row (Anthropic, April 2024 update).
 */
export const reluL1 = defineSae({
  name: "relu-l1",
  source: "Bricken et al. 2023, Towards monosemanticity; Anthropic, Circuits updates, April 2024",
  options: {
    lambda: {
      type: "number",
      min: 0,
      describe: "weight of the sum of |z|, where squared errors are summed over dimensions",
    },
    penalty: {
      type: "choice",
      choices: ["sum", "decoder-norm"],
      default: "sum",
      describe: "what a latent weighs in it: 1, with decoder rows of unit length; or the length of its decoder row",
    },
  },
  sparsity: "lambda",
  presets: {
    bricken2023: { penalty: "sum" },
    "anthropic-april-2024": { penalty: "decoder-norm" },
    recommended: { penalty: "sum" },
  },
  training: recommended({}),
  params: (dims) => tiedParameters(dims, zeros),
  encode(x, params, { options, dims }) {
    const pre = options.penalty === "sum" ? encodeOffBias(x, params, dims) : linearEncode(x, params);
    return { pre, z: op.relu(pre) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses({ target, xHat, code, params, options, sparsity: lambda, padding }) {
    const length = op.sqrt(op.reduceSum(op.mul(params.W_dec, params.W_dec), { axes: [1] }));
    const weighed = options.penalty === "sum" ? code.z : op.mul(code.z, length);
    const perRow = op.reduceSum(weighed, { axes: [1], keepDims: true });
    const size = meanOverRows(perRow, padding);
    const width = params.W_dec.shape[1] as number;
    return {
      reconstruction: meanSquaredError(target, xHat, padding),
      sparsity: op.mul(op.div(size, width), lambda),
    };
  },
  revival: ({ penalty }) => ({ pre: penalty === "sum" ? encodeOffBias : linearEncode, by: "relu" }),
  constraints: ({ penalty }) => (penalty === "sum" ? { W_dec: "unitRowsProjected" } : {}),
  plain: ({ penalty }, { outputDim }) => ({
    inputBias: penalty === "sum" && outputDim === undefined,
    gate: () => 0,
    value: (pre) => Math.max(0, pre),
  }),
  saidIn: ({ penalty }, dims) => relusSaidIn("standard")({ inputBias: penalty === "sum" }, dims),
});
