import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { accumulated, defineOptimizer } from "./optimizer.ts";

type V = Value<"float32">;

/** p - lr t: the trace, in units of its scale where it has one. */
const moved = (parameter: V, trace: V, scale: V | undefined, learningRate: V): V =>
  op.sub(parameter, op.mul(trace, scale ? op.mul(learningRate, scale) : learningRate));

/** Gradient descent with a trace of the gradients: t = mu t + g, p - lr t, as torch.optim.SGD with momentum. */
export const momentum = defineOptimizer({
  name: "momentum",
  source: "Polyak 1964, Some methods of speeding up the convergence of iteration methods",
  options: {
    momentum: {
      ...{ type: "number", min: 0, max: 1, open: "max", default: 0.9, quiet: true },
      describe: "how much of the trace of gradients is kept each step",
    },
  },
  mover: ({ momentum: mu }) => ({
    slots: ["trace"],
    scalars: [],
    decay: { trace: mu },
    rest: {
      moves: ["trace"],
      // All steps to come together move an entry by lr (mu + mu^2 + ...) t.
      within(most, { trace }, _scalars, learningRate) {
        const all = (learningRate * mu) / (1 - mu);
        let squares = 0;
        for (let i = 0; i < trace!.length; i++) squares += (all * trace![i]!) ** 2;
        return squares <= most * most;
      },
    },
    advance: () => ({}),
    drift: {
      hold: ({ trace }) => ({ trace: trace! }),
      step: ({ parameter, held: { trace }, scales, learningRate }) =>
        moved(parameter, trace!, scales.trace, learningRate),
    },
    update({ parameter, gradient, slots, scales, learningRate }) {
      const trace = accumulated({ slot: slots.trace!, decay: mu, scale: scales?.trace }, gradient, (g) => g);
      return { parameter: moved(parameter, trace, scales?.trace, learningRate), slots: { trace } };
    },
  }),
});
