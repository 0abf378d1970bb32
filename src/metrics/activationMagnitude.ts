import { defineMetric } from "./metric.ts";

const silent = "no latent fires";

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
  rows: {
    total: ({ magnitude }) => magnitude,
    count: ({ fired }) => fired,
    strongest: ({ strongest }) => strongest,
  },
  value({ total, count, strongest }, { validation: { medianMagnitude } }) {
    if (count.sum === 0) return { mean_activation: silent, max_activation: silent, median_activation: silent };
    return {
      mean_activation: total.sum / count.sum,
      max_activation: strongest.largest,
      // NaN among the latents is not among the numbers that the median is of.
      median_activation: Number.isFinite(total.sum) ? medianMagnitude : Number.NaN,
    };
  },
});
