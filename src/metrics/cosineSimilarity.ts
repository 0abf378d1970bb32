import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineMetric, rows } from "./metric.ts";

const dot = (a: Value<"float32">, b: Value<"float32">) => op.reduceSum(op.mul(a, b), { axes: [1] });

/** Mean over rows of the cosine between activation and reconstruction. 1 is perfect. Source: torch.nn.functional.cosine_similarity (eps 1e-8). */
export const cosineSimilarity = defineMetric({
  name: "cosineSimilarity",
  split: "validation",
  keys: {
    cosine_similarity: {
      label: "Cosine similarity",
      better: "higher",
      format: ".3f",
      definition: "Mean over rows of x . xHat / (|x| |xHat|), from -1 to 1. 1 is perfect; a row of zeros counts 0.",
    },
  },
  sums: ({ target: x, xHat }) => ({
    cosine: rows(op.div(dot(x, xHat), op.max(op.mul(op.sqrt(dot(x, x)), op.sqrt(dot(xHat, xHat))), 1e-8))),
  }),
  value: ({ cosine }, { rows: count }) => ({ cosine_similarity: cosine.sum / count }),
});
