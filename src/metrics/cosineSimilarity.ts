import { defineMetric } from "./metric.ts";

/** Mean over rows of the cosine between activation and reconstruction, whatever the lengths of the two. 1 is perfect. */
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
  rows: {
    cosine: ({ product, squares, rebuilt }) =>
      squares === 0 || rebuilt === 0 ? 0 : product / (Math.sqrt(squares) * Math.sqrt(rebuilt)),
  },
  value: ({ cosine }, { rows }) => ({ cosine_similarity: cosine.sum / rows }),
});
