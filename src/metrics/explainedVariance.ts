import * as op from "../graph/ops.ts";
import { defineMetric } from "./metric.ts";
import { shiftedSums, spread, spreadSums, totalSquares } from "./variance.ts";

/** `1 - var(x - xHat) / var(x)`, one variance over all entries. 1 is perfect; predicting one constant scores 0. Source: the experiment's report, 1.4. */
export const explainedVariance = defineMetric({
  name: "explainedVariance",
  split: "validation",
  keys: {
    explained_variance: {
      label: "Explained variance",
      better: "higher",
      format: ".3f",
      definition:
        "1 - var(x - xHat) / var(x), each one scalar variance over all entries of the evaluated rows. 1 is perfect; predicting one constant scores 0, predicting the mean row scores well above 0 when dimensions have different means.",
    },
  },
  sums: ({ target: x, xHat, shift }) => ({ ...shiftedSums(x, shift), ...spreadSums(op.sub(x, xHat)) }),
  value: ({ perDim, squares, mean, within }, measured) => ({
    explained_variance: 1 - spread({ mean, within }, measured) / totalSquares({ perDim, squares }, measured),
  }),
});
