import { defineMetric } from "./metric.ts";

/**
 * `sum |xHat|^2 / sum x . xHat` over rows: how large reconstructions are beside the least-squares size for their direction. 1: right; below 1
 * they have shrunk, and so have the latents. Source: Rajamanoharan et al. 2024, Gated SAEs (arXiv 2404.16014), section 4.2, gamma; SAEBench,
 * `relative_reconstruction_bias`.
 */
export const reconstructionBias = defineMetric({
  name: "reconstructionBias",
  split: "validation",
  keys: {
    relative_reconstruction_bias: {
      label: "Reconstruction bias",
      better: "none",
      format: ".3f",
      definition:
        "sum |xHat|^2 / sum x . xHat: the size of reconstructions beside the least-squares size for their direction. Below 1 they have shrunk.",
    },
  },
  rows: { rebuilt: ({ rebuilt }) => rebuilt, product: ({ product }) => product },
  value: ({ rebuilt, product }) => ({
    relative_reconstruction_bias:
      product.sum === 0 ? "reconstructions say nothing about their rows" : rebuilt.sum / product.sum,
  }),
});
