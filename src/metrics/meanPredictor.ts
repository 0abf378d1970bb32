import { defineMetric } from "./metric.ts";
import { centredSquares, shiftedSums, totalSquares } from "./variance.ts";

/** Both explained variances of a predictor that always gives the mean of the evaluated rows: what a score must be compared with. */
export const meanPredictor = defineMetric({
  name: "meanPredictor",
  split: "validation",
  keys: {
    mean_predictor_explained_variance: {
      label: "Explained variance of the mean predictor",
      better: "none",
      format: ".3f",
      definition:
        "explained_variance of always predicting the mean row of the evaluated rows: the floor to compare with.",
    },
    mean_predictor_explained_variance_centered: {
      label: "Explained variance (centred) of the mean predictor",
      better: "none",
      format: ".3f",
      definition: "explained_variance_centered of always predicting the mean row: 0 by definition.",
    },
  },
  sums: ({ target: x, shift }) => shiftedSums(x, shift),
  value(sums, measured) {
    const left = centredSquares(sums, measured);
    return {
      mean_predictor_explained_variance: 1 - left / totalSquares(sums, measured),
      mean_predictor_explained_variance_centered: 1 - left / left,
    };
  },
});
