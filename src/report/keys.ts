/** What is known of one metric key: how to name it, print it and rank it. */
export interface KeyInfo {
  readonly label: string;
  readonly better: "higher" | "lower" | "none";
  /** A d3-format specifier. */
  readonly format: string;
  readonly definition: string;
  readonly split: "validation" | "all";
}

const metricKeys: Readonly<Record<string, KeyInfo>> = Object.fromEntries(
  (
    [
      ["explained_variance", "Explained variance", "higher", ".3f", "validation"],
      ["explained_variance_centered", "Explained variance, centred", "higher", ".3f", "validation"],
      ["mean_predictor_explained_variance", "Explained variance of the mean", "none", ".3f", "validation"],
      ["mean_predictor_explained_variance_centered", "Explained variance of the mean, centred", "none", ".3f", "validation"],
      ["reconstruction_loss", "Reconstruction loss", "lower", ".4f", "validation"],
      ["cosine_similarity", "Cosine similarity", "higher", ".3f", "validation"],
      ["l0_mean", "L0", "none", ".1f", "validation"],
      ["l0_std", "L0 deviation", "none", ".2f", "validation"],
      ["mean_activation", "Mean activation", "none", ".2f", "validation"],
      ["max_activation", "Max activation", "none", ".2f", "validation"],
      ["median_activation", "Median activation", "none", ".2f", "validation"],
      ["feature_death_rate", "Feature death rate", "lower", ".3f", "all"],
      ["num_dead_features", "Dead features", "lower", ",d", "all"],
      ["num_active_features", "Active features", "higher", ",d", "all"],
    ] as const
  ).map(([key, label, better, format, split]) => [key, { label, better, format, split, definition: label }]),
);

const count = (label: string): KeyInfo => ({ label, better: "none", format: "d", definition: label, split: "all" });

/** Keys of a row that are not metrics but can be shown and compared. */
const rowKeys: Readonly<Record<string, KeyInfo>> = {
  k: { ...count("k"), better: "lower" },
  latent_dim: { ...count("Latents"), better: "lower" },
  input_dim: count("Input dims"),
  layer: count("Layer"),
  position: count("Position"),
  seed: count("Seed"),
  epochs: count("Epochs"),
  train_time_sec: { ...count("Training time (s)"), better: "lower", format: ".1f" },
};

/** The metric keys in their order of display. */
export const knownMetrics: readonly string[] = Object.keys(metricKeys);

/** Whether a key is a metric or a comparable field of a row. */
export const isKnownKey = (key: string): boolean => key in metricKeys || key in rowKeys;

/** How to show a key; an unknown metric is shown under its own name, without a direction. */
export const infoOf = (key: string): KeyInfo =>
  metricKeys[key] ??
  rowKeys[key] ?? { label: key, better: "none", format: ".4g", definition: "not a metric of this tool", split: "validation" };
