import { readFileSync } from "node:fs";
import { parseMetrics } from "../../src/record/metricsFile.ts";
import type { MetricsFile, SaeRecord } from "../../src/record/record.ts";

/** A file of examples/data as text. */
export const exampleText = (name: string): string => readFileSync(`examples/data/${name}`, "utf8");

/** The experiment's 12 SAEs. */
export const experimentGrid = (): MetricsFile =>
  parseMetrics(exampleText("experiment-grid.json"), "experiment-grid.json");

/** The experiment's sweep over layers and positions, 480 SAEs. */
export const experimentSweep = (): MetricsFile =>
  parseMetrics(exampleText("experiment-multilayer.csv"), "experiment-multilayer.csv");

/** A row with some fields given, the rest made up. */
export function row(fields: Partial<SaeRecord> = {}): SaeRecord {
  const { latent_dim = 64, k = 4, seed = 0 } = fields;
  return {
    name: `sae_d${latent_dim}_k${k}_s${seed}`,
    ...{
      architecture: "topk",
      preset: "report",
      provider: "cpu",
      seed,
      layer: 14,
      position: 3,
      input_dim: 32,
      output_dim: null,
    },
    ...{ latent_dim, k, epochs: 2, train_time_sec: 1.5, threads: null, config: {}, origin: null },
    metrics: { explained_variance: 0.5, feature_death_rate: 0.25 },
    null_reasons: {},
    left_out_rows: null,
    splits: { explained_variance: "validation", feature_death_rate: "all" },
    loss: [0.5, 0.25],
    ...fields,
  };
}

/** A metrics file of some rows. */
export const fileOf = (rows: readonly SaeRecord[], data: Partial<MetricsFile["data"]> = {}): MetricsFile => ({
  version: 1,
  config: { epochs: 2, batch_size: 16 },
  data: {
    ...{ source: "acts.safetensors", digest: "ab".repeat(32), train_rows: 80, validation_rows: 20, input_dim: 32 },
    ...{ synthetic: false, ...data },
  },
  rows,
});
