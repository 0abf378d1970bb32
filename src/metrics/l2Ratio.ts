import { defineMetric } from "./metric.ts";

/** Mean over rows of |xHat| / |x|. 1: reconstructions are as long as what they stand for; below 1 they have shrunk. Source: SAEBench, `l2_ratio`. */
export const l2Ratio = defineMetric({
  name: "l2Ratio",
  split: "validation",
  keys: {
    l2_ratio: {
      label: "L2 ratio",
      better: "none",
      format: ".3f",
      definition: "Mean over rows of |xHat| / |x|. Below 1 reconstructions have shrunk; a row of zeros counts 0.",
    },
  },
  rows: { ratio: ({ squares, rebuilt }) => (squares === 0 ? 0 : Math.sqrt(rebuilt) / Math.sqrt(squares)) },
  value: ({ ratio }, { rows }) => ({ l2_ratio: ratio.sum / rows }),
});
