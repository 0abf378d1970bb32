/** What other tools call a metric, and what differs from ours. An empty name: it has none. */
export interface Correspondence {
  readonly key: string;
  readonly experiment: string;
  readonly saeLens: string;
  readonly sparsify: string;
  readonly saeBench: string;
  readonly differences: string;
}

/**
 * Metric keys in the experiment's files, SAELens (`sae_lens/evals.py`), sparsify (`sparsify/trainer.py`) and SAEBench
 * (`sae_bench/evals/core/main.py`), as their code stood when read.
 */
export const correspondences: readonly Correspondence[] = [
  {
    key: "explained_variance",
    experiment: "explained_variance",
    saeLens: "",
    sparsify: "",
    saeBench: "",
    differences:
      "One scalar variance over all entries; only the experiment defines it so. The others' key of the same name is another quantity.",
  },
  {
    key: "explained_variance_centered",
    experiment: "",
    saeLens: "explained_variance",
    sparsify: "1 - fvu",
    saeBench: "explained_variance",
    differences:
      "SAELens: the same. Its explained_variance_legacy is a mean of ratios per token. sparsify: per training batch, averaged over a logging interval. SAEBench: its variance is not taken about the mean (seen in 0.6.0), so it scores higher where the mean is large.",
  },
  {
    key: "reconstruction_loss",
    experiment: "reconstruction_loss",
    saeLens: "mse",
    sparsify: "",
    saeBench: "mse",
    differences:
      "SAELens: summed over dimensions, so input_dim times ours. SAEBench and older SAELens: also divided by the tokens of a batch, so it depends on the batch size.",
  },
  {
    key: "cosine_similarity",
    experiment: "cosine_similarity",
    saeLens: "cossim",
    sparsify: "",
    saeBench: "cossim",
    differences: "The same: a mean over rows.",
  },
  {
    key: "l0_mean",
    experiment: "l0_mean",
    saeLens: "l0",
    sparsify: "",
    saeBench: "l0",
    differences: "Older SAELens and SAEBench count positive latents only; signed latents below zero are missed there.",
  },
  {
    key: "feature_death_rate",
    experiment: "feature_death_rate",
    saeLens: "",
    sparsify: "dead_pct",
    saeBench: "1 - frac_alive",
    differences:
      "Ours: never non-zero in any row of training and validation. sparsify: not selected for dead_feature_threshold tokens of training. SAEBench: never positive in its evaluation tokens. SAELens gives feature_density by latent: count the zeros.",
  },
];
