import * as op from "../graph/ops.ts";
import { defineMetric, entries } from "./metric.ts";

/** Latents that are zero in every evaluated row, as a share of all and as counts. Under exact selection at least k are active. */
export const featureDeath = defineMetric({
  name: "featureDeath",
  split: "all",
  keys: {
    feature_death_rate: {
      label: "Feature death rate",
      better: "lower",
      format: ".3f",
      definition:
        "Latents that are zero in every row of training and validation together, over latentDim. With exactly k kept per row it is at most 1 - k / latentDim.",
    },
    num_dead_features: {
      label: "Dead features",
      better: "lower",
      format: ".0f",
      definition: "How many latents never fire.",
    },
    num_active_features: {
      label: "Active features",
      better: "higher",
      format: ".0f",
      definition: "How many latents fire at least once.",
    },
  },
  sums: ({ z }) => ({
    count: entries(op.reduceSum(op.cast(op.greater(op.abs(z), 0), "float32"), { axes: [0] })),
    // Only to see NaN and infinity, which count as nothing.
    total: entries(op.reduceSum(op.abs(z), { axes: [0] })),
  }),
  value({ count, total }, { latentDim }) {
    const dead = total.every(Number.isFinite) ? count.filter((fired) => fired === 0).length : Number.NaN;
    return { feature_death_rate: dead / latentDim, num_dead_features: dead, num_active_features: latentDim - dead };
  },
});
