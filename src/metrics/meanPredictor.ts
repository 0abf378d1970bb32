import { defineMetric } from "./metric.ts";
import { fromMean, nothingVaries } from "./variance.ts";

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
  value(_, { rows, validation: { all } }) {
    const total = fromMean(all);
    return {
      // Not 1 - left / total: little that is explained would lose its digits.
      mean_predictor_explained_variance: total === 0 ? nothingVaries(rows) : all.ofMeanRow / total,
      mean_predictor_explained_variance_centered: all.fromMeanRow === 0 ? nothingVaries(rows) : 0,
    };
  },
});
