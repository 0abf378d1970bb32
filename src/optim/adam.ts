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
  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p = p - (lr / c1) m / (sqrt(v) / sqrt(c2) + epsilon)
  update({ parameter, gradient, slots, scalars, learningRate }) {
    const m = op.add(op.mul(slots.m!, beta1), op.mul(gradient, 1 - beta1));
    const v = op.add(op.mul(slots.v!, beta2), op.mul(op.mul(gradient, gradient), 1 - beta2));
    const stepSize = op.div(learningRate, scalars.bias_correction_1!);
    const denominator = op.add(op.div(op.sqrt(v), op.sqrt(scalars.bias_correction_2!)), epsilon);
    return { parameter: op.sub(parameter, op.div(op.mul(m, stepSize), denominator)), slots: { m, v } };
  },
};
