import { defineMetric } from "./metric.ts";

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
  value: (_, { rows, validation: { all } }) => ({ reconstruction_loss: all.error / (rows * all.outputDim) }),
});
