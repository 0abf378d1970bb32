import { describedKeys } from "../metrics/index.ts";

/** What is known of a key: how to name it, print it (a d3-format) and rank it. */
export interface KeyInfo {
  readonly label: string;
  readonly better: "higher" | "lower" | "none";
  readonly format: string;
  readonly definition: string;
  /** The rows a metric is measured on; absent for what is no metric. */
  readonly split?: "validation" | "all";
}

const count = (label: string): KeyInfo => ({ label, better: "none", format: "d", definition: label });

/** Keys of a row that are not metrics but can be shown and compared. */
const rowKeys: Readonly<Record<string, KeyInfo>> = {
  k: { ...count("k"), better: "lower" },
  latent_dim: { ...count("Latents"), better: "lower" },
  input_dim: count("Input dims"),
  layer: count("Layer"),
  position: count("Position"),
  seed: count("Seed"),
  epochs: count("Epochs"),
  learning_rate: { ...count("Learning rate"), format: "" },
  train_time_sec: { ...count("Training time (s)"), better: "lower", format: ".1f" },
};

/** The metric keys in their order of display. */
export const knownMetrics: readonly string[] = Object.keys(describedKeys);

/** Whether a key is a metric or a comparable field of a row. */
export const isKnownKey = (key: string): boolean => Object.hasOwn(describedKeys, key) || Object.hasOwn(rowKeys, key);

/** How to show a key; an unknown metric is shown under its own name, without a direction. */
export const infoOf = (key: string): KeyInfo =>
  describedKeys[key] ?? rowKeys[key] ?? { ...count(key), format: ".4g", definition: "not a metric this tool knows" };
