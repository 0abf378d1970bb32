import type { Origin } from "../checkpoint/origin.ts";
import type { TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import type { DataInfo } from "../data/describe.ts";
import type { Evaluation } from "../evaluate/evaluate.ts";
import type { MetricsFile, SaeRecord } from "./record.ts";

/** What is known of an SAE besides what is measured. */
export interface TrainedSae {
  readonly name: string;
  readonly config: TrainConfig;
  readonly provider: string;
  readonly layer: number | null;
  readonly position: number | null;
  readonly seconds: number | null;
  readonly loss: readonly number[];
  /** Threads inside an op; default: not known. */
  readonly threads?: number | null | undefined;
  /** Training rows that were left out; default: none. */
  readonly leftOut?: number;
  readonly resampled?: readonly number[] | undefined;
  /** Where it was imported from; default: from nowhere. */
  readonly origin?: Origin | null | undefined;
}

/** The record of an SAE that was trained here, or whose checkpoint is. */
export function trainedRecord(
  {
    name,
    config,
    provider,
    layer,
    position,
    seconds,
    loss,
    resampled,
    threads = null,
    leftOut = 0,
    origin = null,
  }: TrainedSae,
  { metrics, nullReasons, splits }: Pick<Evaluation, "metrics" | "nullReasons" | "splits">,
): SaeRecord {
  const complete = configToJson(config);
  const number = (key: string) => (typeof complete[key] === "number" ? complete[key] : null);
  return {
    name,
    architecture: config.architecture,
    preset: config.preset,
    provider,
    seed: config.seed,
    layer,
    position,
    input_dim: config.inputDim,
    output_dim: number("output_dim"),
    latent_dim: config.latentDim,
    k: number("k"),
    epochs: config.epochs,
    train_time_sec: seconds,
    threads,
    left_out_rows: leftOut > 0 ? leftOut : null,
    config: complete,
    origin,
    metrics,
    null_reasons: nullReasons,
    splits,
    loss,
    ...(resampled ? { resampled } : {}),
  };
}

/** A metrics file of some SAEs: what their configurations share as one value, what differs as a list. */
export function metricsFile(configs: readonly TrainConfig[], data: DataInfo, rows: readonly SaeRecord[]): MetricsFile {
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
