/** Measured values of one SAE, in the snake_case keys of the files; `splits` says on which rows each key was measured. */
export interface MetricRow {
  /** File stem of the SAE, e.g. `sae_d512_k5`. */
  readonly name: string;
  readonly architecture: string;
  readonly preset: string;
  readonly provider: string;
  readonly seed: number;
  readonly layer: number | null;
  readonly position: number | null;
  readonly input_dim: number;
  readonly latent_dim: number;
  readonly k: number | null;
  readonly epochs: number;
  /** Seconds; `null` where the SAE was not trained here. */
  readonly train_time_sec: number | null;
  /** The keys of `metricKeys`: a number, or `null` for a value that does not exist (an empty split). */
  readonly metrics: { readonly [key: string]: number | null };
  /** Which rows each metric key was measured on: `validation`, `train`, `all`. */
  readonly splits: { readonly [key: string]: string };
  /** Training loss per epoch (mean over its steps, weighted by rows); empty where unknown. */
  readonly loss: readonly number[];
}

/** What every metrics file holds. On disk the `metrics` of a row stand beside its other keys, flat. */
export interface MetricsFile {
  readonly version: 1;
  /** The training configuration shared by all rows. */
  readonly config: { readonly [key: string]: unknown };
  /** The activations: source, digest, rows, dims. */
  readonly data: DataInfo;
  readonly rows: readonly MetricRow[];
}

/** Where the numbers come from. */
export interface DataInfo {
  /** File name without its folder, or a description. */
  readonly source: string;
  /** SHA-256 of the float32 activations and the split. */
  readonly digest: string;
  readonly train_rows: number;
  readonly validation_rows: number;
  readonly input_dim: number;
  readonly synthetic: boolean;
}
