import { defineMetric } from "./metric.ts";
import { explained, fromMean } from "./variance.ts";

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
  value: (_, { validation: { all } }) => ({ explained_variance: explained(all.residual, fromMean(all), all) }),
});
