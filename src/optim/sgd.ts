import * as op from "../graph/ops.ts";
import { defineOptimizer } from "./optimizer.ts";

/** Plain stochastic gradient descent: `p - lr g`, without momentum. */
export const sgd = defineOptimizer({
  name: "sgd",
  source: "Robbins and Monro 1951, A stochastic approximation method",
  options: {},
  mover: () => ({
    slots: [],
    scalars: [],
    decay: {},
    rest: { moves: [], within: () => true },
    drift: { hold: () => ({}), step: ({ parameter }) => parameter },
    advance: () => ({}),
    update: ({ parameter, gradient, learningRate }) => ({
      parameter: gradient.plus(parameter, (g) => op.neg(op.mul(g, learningRate))),
      slots: {},
    }),
  }),
});
