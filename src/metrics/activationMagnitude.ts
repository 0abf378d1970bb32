import * as op from "../graph/ops.ts";
import { defineMetric, median, rows } from "./metric.ts";

/** Mean, largest and median |activation| over the non-zero latents; the median is torch's, the lower of the middle two. */
export const activationMagnitude = defineMetric({
  name: "activationMagnitude",
  split: "validation",
  keys: {
    mean_activation: {
      label: "Mean activation",
      better: "none",
      format: ".2f",
      definition:
        "Mean of |z| over the non-zero latents. Comparable between SAEs only when decoder rows have unit length.",
    },
    max_activation: { label: "Max activation", better: "none", format: ".2f", definition: "Largest |z|." },
    median_activation: {
      label: "Median activation",
      better: "none",
      format: ".2f",
      definition: "Median of |z| over the non-zero latents; of an even number the lower of the middle two, as torch.",
    },
  },
  sums({ active, largestOver }) {
    const magnitude = op.abs(active);
    return {
      total: rows(op.reduceSum(magnitude, { axes: [1] })),
      count: rows(op.reduceSum(op.cast(op.greater(magnitude, 0), "float32"), { axes: [1] })),
      strongest: rows(largestOver(magnitude, 1)),
      middle: median(magnitude),
    };
  },
  value: ({ total, count, strongest, middle }) => ({
    mean_activation: total.sum / count.sum,
    max_activation: count.sum > 0 ? strongest.largest : Number.NaN,
    median_activation: middle,
  }),
});
