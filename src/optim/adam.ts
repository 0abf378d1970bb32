import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { accumulated, defineOptimizer, type Slots } from "./optimizer.ts";

type V = Value<"float32">;

/**
 * Adam: as torch.optim.Adam, epsilon added after the bias-corrected root, no weight decay.
 *
 * The moments are kept as weighted sums beside the sums of their weights: m = b1 m + g over m_weight = b1 m_weight + 1, and
 * v = b2 v + g^2 over v_weight. Their quotients are Adam's bias-corrected averages, since the sum of b^i for i < t is
 * (1 - b^t) / (1 - b); nothing is lost at small t, and each moment takes a pass less over the parameter.
 * Source: Kingma and Ba 2015, algorithm 1.
 */
export const adam = defineOptimizer({
  name: "adam",
  source: "Kingma and Ba 2015, Adam: a method for stochastic optimization, algorithm 1",
  options: {
    beta1: {
      ...{ type: "number", min: 0, max: 1, open: "max", default: 0.9, quiet: true },
      describe: "how much of the mean gradient is kept each step",
    },
    beta2: {
      ...{ type: "number", min: 0, max: 1, open: "max", default: 0.999, quiet: true },
      describe: "how much of the mean square is kept each step",
    },
    epsilon: {
      ...{ type: "number", min: 0, open: "min", default: 1e-8, quiet: true },
      describe: "added to the root of the mean square",
    },
  },
  mover: ({ beta1, beta2, epsilon }) => ({
    slots: ["m", "v"],
    scalars: ["m_weight", "v_weight"],
    decay: { m: beta1, v: beta2 },
    rest: {
      moves: ["m"],
      // Step i from now moves an entry by lr (b1^i m / m_weight) / (sqrt(b2^i v / v_weight) + epsilon), where m_weight only grows and
      // v_weight stays below 1 / (1 - b2). The sum over i is a geometric series, with or without the root.
      within(most, { m, v }, { m_weight }, learningRate) {
        const series = (ratio: number) => (ratio < 1 ? ratio / (1 - ratio) : Number.POSITIVE_INFINITY);
        const moment = learningRate / m_weight!;
        const byRoot = (moment * series(beta1 / Math.sqrt(beta2))) / Math.sqrt(1 - beta2);
        const byEpsilon = (moment * series(beta1)) / epsilon;
        let squares = 0;
        for (let i = 0; i < m!.length && squares <= most * most; i++)
          if (m![i] !== 0) squares += (m![i]! * Math.min(byRoot / Math.sqrt(v![i]!), byEpsilon)) ** 2;
        return squares <= most * most;
      },
    },
    advance: ({ m_weight, v_weight }) => ({
      m_weight: op.add(op.mul(m_weight!, beta1), 1),
      v_weight: op.add(op.mul(v_weight!, beta2), 1),
    }),
    drift: {
      hold: ({ m, v }) => ({ m: m!, v: op.sqrt(v!) }),
      step: ({ held: { m, v }, ...step }) => moved({ ...step, m: m!, root: v!, epsilon }),
    },
    update({ parameter, gradient, slots, scales, scalars, learningRate }) {
      const of = (slot: "m" | "v", decay: number) => ({ slot: slots[slot]!, decay, scale: scales?.[slot] });
      const m = accumulated(of("m", beta1), gradient, (g) => g);
      const v = accumulated(of("v", beta2), gradient, (g) => op.mul(g, g));
      const root = op.sqrt(v);
      return { parameter: moved({ parameter, m, root, scales, scalars, learningRate, epsilon }), slots: { m, v } };
    },
  }),
});

/** p - lr (m / m_weight) / (root / sqrt(v_weight) + epsilon), with the weights, in the slots' units, moved into the scalars. */
function moved({
  parameter,
  m,
  root,
  scales,
  scalars,
  learningRate,
  epsilon,
}: {
  parameter: V;
  m: V;
  root: V;
  scales?: Slots | undefined;
  scalars: Slots;
  learningRate: V;
  epsilon: number;
}): V {
  const weight = (slot: "m" | "v") => {
    const all = scalars[`${slot}_weight`]!;
    return scales ? op.div(all, scales[slot]!) : all;
  };
  const rootOfWeight = op.sqrt(weight("v"));
  const stepSize = op.div(op.mul(learningRate, rootOfWeight), weight("m"));
  return op.sub(parameter, op.div(op.mul(m, stepSize), op.add(root, op.mul(rootOfWeight, epsilon))));
}
