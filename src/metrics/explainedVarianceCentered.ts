import { defineMetric } from "./metric.ts";
import { explained } from "./variance.ts";

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
  value: (_, { validation: { all } }) => ({
    explained_variance_centered: explained(all.error, all.fromMeanRow, all),
  }),
});
