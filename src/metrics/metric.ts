import type { Value } from "../graph/value.ts";

type V = Value<"float32">;

/** What a metric may look at: a batch of rows, their latents and reconstruction. */
export interface MetricInputs {
  /** Activations `[batch, inputDim]`. */
  readonly x: V;
  /** What is to be reconstructed, `[batch, outputDim]`: the activations themselves, but for a transcoder. */
  readonly target: V;
  /** A constant row `[outputDim]` near the mean of the targets: take it off before summing, or a large mean eats the digits. */
  readonly shift: V;
  /** Reconstruction `[batch, outputDim]`. */
  readonly xHat: V;
  /** Latents `[batch, latentDim]`. */
  readonly z: V;
  /** The latents that may be non-zero: the `k` kept ones where selection is exact, else all of `z`. */
  readonly active: V;
  /** The largest of each row of a matrix (axis 1, `[rows]`), or of each column (axis 0). */
  readonly largestOver: (x: V, axis: 0 | 1) => V;
}

/** How the host joins a graph output over batches, in float64. */
export type How =
  /** `[batch]`, a number for each row: sum, sum of squares and largest over all rows. */
  | "rows"
  /** Any fixed shape: added entry by entry. */
  | "entries"
  /** Any fixed shape: the largest, entry by entry. */
  | "largest"
  /** `[batch, n]`: the lower median of all numbers above 0; NaN for none. Exact; of more than a million numbers it takes a second pass over the rows. */
  | "median";

/** A graph output and how it is joined. */
export interface Sum<H extends How = How> {
  readonly how: H;
  readonly value: V;
}

/** What the host has after the last batch. */
export interface Joined {
  readonly rows: { readonly sum: number; readonly sumOfSquares: number; readonly largest: number };
  readonly entries: Float64Array;
  readonly largest: Float64Array;
  readonly median: number;
}

/** What a metric's number is made of besides its sums. */
export interface Measured {
  readonly rows: number;
  /** Width of the targets. */
  readonly outputDim: number;
  readonly latentDim: number;
  /** The row that was taken off, `[outputDim]`. */
  readonly shift: Float64Array;
}

/** One key of the metrics files. */
export interface KeyInfo {
  readonly label: string;
  readonly better: "higher" | "lower" | "none";
  /** d3-format, as figures and tables print it. */
  readonly format: string;
  readonly definition: string;
}

/** Rows a metric is measured on: the validation rows, or these and the training rows. */
export type Split = "validation" | "all";

export type Sums = Readonly<Record<string, Sum>>;
type JoinedSums<S extends Sums> = { readonly [K in keyof S]: Joined[S[K]["how"]] };

/** A metric: its sums as graph values, so that any runtime can compute them, and the numbers made of them. One file each. */
export interface Metric<S extends Sums = Sums> {
  readonly name: string;
  readonly split: Split;
  readonly sums: (inputs: MetricInputs) => S;
  /** Numbers by key; NaN where there is nothing to measure. */
  readonly value: (sums: JoinedSums<S>, measured: Measured) => Readonly<Record<string, number>>;
  /** A description of every key `value` gives. */
  readonly keys: Readonly<Record<string, KeyInfo>>;
  /** Numbers for each latent, `[latentDim]`, where the metric has them. */
  readonly perLatent?: (sums: JoinedSums<S>, measured: Measured) => Readonly<Record<string, Float64Array>>;
}

/** A metric as the rest of the code sees it: which sums it has is no longer known to the compiler. */
export interface AnyMetric extends Pick<Metric, "name" | "split" | "keys"> {
  readonly sums: (inputs: MetricInputs) => Sums;
  readonly value: (sums: AnyJoined, measured: Measured) => Readonly<Record<string, number>>;
  readonly perLatent?: (sums: AnyJoined, measured: Measured) => Readonly<Record<string, Float64Array>>;
}

/** Joined sums by name. */
export type AnyJoined = Readonly<Record<string, Joined[How]>>;

/** A metric, checked: `value` sees each sum as its `how` says. */
export const defineMetric = <S extends Sums>(metric: Metric<S>): AnyMetric => metric as unknown as AnyMetric;

/** A sum of numbers per row. */
export const rows = (value: V): Sum<"rows"> => ({ how: "rows", value });
/** A sum of a fixed shape. */
export const entries = (value: V): Sum<"entries"> => ({ how: "entries", value });
/** A largest value of a fixed shape. */
export const largest = (value: V): Sum<"largest"> => ({ how: "largest", value });
/** The middle one of the numbers above 0. */
export const median = (value: V): Sum<"median"> => ({ how: "median", value });
