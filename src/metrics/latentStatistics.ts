import * as op from "../graph/ops.ts";
import { defineMetric, entries, largest } from "./metric.ts";

/** For each latent: how often it fires (share of rows), and mean and largest |z| where it does; 0 for one that never fires. */
export const latentStatistics = defineMetric({
  name: "latentStatistics",
  split: "all",
  keys: {},
  sums({ z, largestOver }) {
    const magnitude = op.abs(z);
    return {
      count: entries(op.reduceSum(op.cast(op.greater(magnitude, 0), "float32"), { axes: [0] })),
      total: entries(op.reduceSum(magnitude, { axes: [0] })),
      strongest: largest(largestOver(magnitude)),
    };
  },
  value: () => ({}),
  perLatent: ({ count, total, strongest }, { rows }) => ({
    frequency: count.map((fired) => fired / rows),
    mean_activation: total.map((sum, i) => (count[i]! > 0 ? sum / count[i]! : 0)),
    max_activation: strongest,
  }),
});
