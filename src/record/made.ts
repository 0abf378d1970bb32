import type { TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import type { Evaluation } from "../evaluate/evaluate.ts";
import type { DataInfo, MetricRow, MetricsFile } from "./row.ts";

/**
 * What the files of each SAE of a grid are called: `NAME_d512_k5`, without `k` where the architecture has none, and with
 * `_s0` behind it where the grid has several seeds.
 */
export function stemsOf(name: string, configs: readonly TrainConfig[]): string[] {
  const severalSeeds = new Set(configs.map(({ seed }) => seed)).size > 1;
  return configs.map(
    ({ latentDim, options, seed }) =>
      `${name}_d${latentDim}${"k" in options ? `_k${options.k}` : ""}${severalSeeds ? `_s${seed}` : ""}`,
  );
}

/** What is known of an SAE besides what is measured. */
export interface RowSource {
  readonly name: string;
  readonly config: TrainConfig;
  readonly provider: string;
  readonly layer: number | null;
  readonly position: number | null;
  readonly seconds: number | null;
  readonly loss: readonly number[];
}

/** The row of an SAE in the metrics files. */
export function metricRow(source: RowSource, { metrics, splits }: Pick<Evaluation, "metrics" | "splits">): MetricRow {
  const { name, config, provider, layer, position, seconds, loss } = source;
  return {
    name,
    architecture: config.architecture,
    preset: config.preset,
    provider,
    seed: config.seed,
    layer,
    position,
    input_dim: config.inputDim,
    latent_dim: config.latentDim,
    k: typeof config.options.k === "number" ? config.options.k : null,
    epochs: config.epochs,
    train_time_sec: seconds,
    metrics,
    splits,
    loss,
  };
}

/** A metrics file of some SAEs: what their configurations share as one value, what differs as a list. */
export function metricsFile(configs: readonly TrainConfig[], data: DataInfo, rows: readonly MetricRow[]): MetricsFile {
  const all = configs.map(configToJson);
  const keys = [...new Set(all.flatMap(Object.keys))];
  const config = Object.fromEntries(
    keys.map((key) => {
      const distinct = [...new Set(all.map((one) => one[key]).filter((value) => value !== undefined))];
      return [key, distinct.length === 1 ? distinct[0] : distinct] as const;
    }),
  );
  return { version: 1, config, data, rows };
}
