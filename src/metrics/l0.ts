import { defineMetric } from "./metric.ts";

/** Non-zero latents per row: mean, and standard deviation over rows (n - 1, as torch; 0 for a single row). */
export const l0 = defineMetric({
  name: "l0",
  split: "validation",
  keys: {
    l0_mean: { label: "L0", better: "none", format: ".1f", definition: "Mean number of non-zero latents per row." },
    l0_std: {
      label: "L0 spread",
      better: "none",
      format: ".2f",
      definition: "Standard deviation over rows of the number of non-zero latents (n - 1).",
    },
  },
  rows: { count: ({ fired }) => fired },
  value({ count }, { rows: n }) {
    const squares = Math.max(0, count.sumOfSquares - count.sum ** 2 / n);
    return { l0_mean: count.sum / n, l0_std: n === 1 ? 0 : Math.sqrt(squares / (n - 1)) };
  },
});
