import { defineMetric } from "./metric.ts";
import { centredSquares, shiftedSums, squaredError } from "./variance.ts";

/** `1 - sum |x - xHat|^2 / sum |x - mean|^2`, the mean taken per dimension. 1 is perfect; the mean predictor scores 0. Source: SAELens `explained_variance`; 1 - FVU. */
export const explainedVarianceCentered = defineMetric({
  name: "explainedVarianceCentered",
  split: "validation",
  keys: {
    explained_variance_centered: {
      label: "Explained variance (centred)",
      better: "higher",
      format: ".3f",
      definition:
        "1 - sum |x - xHat|^2 / sum |x - mean|^2, the mean taken per dimension over the evaluated rows. 1 is perfect; predicting the mean row scores 0.",
    },
  },
  sums: ({ target: x, xHat, shift }) => ({ ...shiftedSums(x, shift), error: squaredError(x, xHat) }),
  value: ({ perDim, squares, error }, measured) => ({
    explained_variance_centered: 1 - error.sum / centredSquares({ perDim, squares }, measured),
  }),
});
