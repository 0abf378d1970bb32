import * as op from "../graph/ops.ts";
import type { Optimizer } from "./optimizer.ts";

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;

/**
 * Adam as PyTorch writes it: betas 0.9 and 0.999, epsilon 1e-8 added after the bias-corrected root, no weight decay.
 * The bias corrections c_t = 1 - beta^t are carried as c_t = beta c_(t-1) + (1 - beta), which loses no digits at small t.
 * Source: Kingma and Ba 2015, algorithm 1; torch.optim.Adam.
 */
export const adam: Optimizer = {
  name: "adam",
  source: "Kingma and Ba 2015, Adam: a method for stochastic optimization, algorithm 1",
  slots: ["m", "v"],
  scalars: ["bias_correction_1", "bias_correction_2"],
  advance: ({ bias_correction_1, bias_correction_2 }) => ({
    bias_correction_1: op.add(op.mul(bias_correction_1!, beta1), 1 - beta1),
    bias_correction_2: op.add(op.mul(bias_correction_2!, beta2), 1 - beta2),
  }),
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p = p - (lr / c1) m / (sqrt(v) / sqrt(c2) + epsilon),
  // written with sqrt(c2) moved into the scalars, which saves a pass over the parameter.
  update({ parameter, gradient, slots, scalars, learningRate }) {
    const m = gradient.plus(op.mul(slots.m!, beta1), (g) => op.mul(g, 1 - beta1));
    const v = gradient.plus(op.mul(slots.v!, beta2), (g) => op.mul(op.mul(g, g), 1 - beta2));
    const root = op.sqrt(scalars.bias_correction_2!);
    const stepSize = op.mul(op.div(learningRate, scalars.bias_correction_1!), root);
    const denominator = op.add(op.sqrt(v), op.mul(root, epsilon));
    return { parameter: op.sub(parameter, op.div(op.mul(m, stepSize), denominator)), slots: { m, v } };
  },
};
