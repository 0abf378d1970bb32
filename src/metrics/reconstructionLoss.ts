import { defineMetric } from "./metric.ts";
import { squaredError } from "./variance.ts";

/** Mean squared error over rows and dimensions. 0 is perfect. Source: the experiment's report, 1.4. */
export const reconstructionLoss = defineMetric({
  name: "reconstructionLoss",
  split: "validation",
  keys: {
    reconstruction_loss: {
      label: "Reconstruction loss",
      better: "lower",
      format: ".4f",
      definition: "Mean of (x - xHat)^2 over rows and dimensions, in squared units of the activations. 0 is perfect.",
    },
  },
  sums: ({ target: x, xHat }) => ({ error: squaredError(x, xHat) }),
  value: ({ error }, { rows, outputDim }) => ({ reconstruction_loss: error.sum / (rows * outputDim) }),
});
