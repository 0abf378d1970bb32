import type { Origin } from "../checkpoint/origin.ts";
import type { DataInfo } from "../data/describe.ts";

/** The value of one key of a training configuration. */
export type Setting = number | string | boolean;

/** One measured SAE: what it is, where it comes from, and its measured values, in the snake_case keys of the files. */
export interface SaeRecord {
  /** File stem of the SAE, e.g. `sae_d512_k5`. */
  readonly name: string;
  readonly architecture: string;
  readonly preset: string;
  readonly provider: string;
  readonly seed: number;
  readonly layer: number | null;
  readonly position: number | null;
  readonly input_dim: number;
  /** Width of what it reconstructs, where that is not its input; else `null`. */
  readonly output_dim: number | null;
  readonly latent_dim: number;
  /** Latents kept per row; `null` where it keeps no fixed number. */
  readonly k: number | null;
  readonly epochs: number;
  /** Seconds; `null` where the SAE was not trained here. */
  readonly train_time_sec: number | null;
  /** Threads inside an op while it trained; `null` where unknown, on GPUs, and where they were not the same all the way. */
  readonly threads: number | null;
  /** Training rows that were left out for their length; `null` for none, and where it is unknown. */
  readonly left_out_rows: number | null;
  /** Its complete training configuration; empty where unknown. */
  readonly config: Readonly<Record<string, Setting>>;
  /** `null` where nothing is known. */
  readonly origin: Origin | null;
  /** The keys of `metricKeys`: a number, or `null` for a value that does not exist. */
  readonly metrics: { readonly [key: string]: number | null };
  /** Why a metric is `null`, in words, by its key; empty where unknown. */
  readonly null_reasons: { readonly [key: string]: string };
  /** Which rows each metric key was measured on: `validation`, `train`, `all`. */
  readonly splits: { readonly [key: string]: string };
  /** Training loss per epoch (mean over its steps, weighted by rows); empty where unknown. */
  readonly loss: readonly number[];
  /** How many latents each resampling of dead latents reset; left out where there was none. */
  readonly resampled?: readonly number[] | undefined;
}

/** What every metrics file holds. On disk the `metrics` of a record stand beside its other keys, flat. */
export interface MetricsFile {
  readonly version: 1;
  /** The training configuration shared by all records. */
  readonly config: { readonly [key: string]: unknown };
  /** The activations: source, digest, rows, dims. */
  readonly data: DataInfo;
  readonly rows: readonly SaeRecord[];
}
