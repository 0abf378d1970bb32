import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineMetric, rows } from "./metric.ts";

const length = (x: Value<"float32">) => op.sqrt(op.reduceSum(op.mul(x, x), { axes: [1] }));

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
  sums: ({ target, xHat }) => ({ ratio: rows(op.div(length(xHat), op.max(length(target), 1e-8))) }),
  value: ({ ratio }, { rows: count }) => ({ l2_ratio: ratio.sum / count }),
});
