import type { Value } from "../graph/value.ts";
import type { Row } from "./row.ts";
import type { Made, Variances } from "./variance.ts";

type V = Value<"float32">;

/** What the sums over latents are made of, as graph values. */
export interface MetricInputs {
  /** Latents `[batch, latentDim]`. */
  readonly z: V;
  /** The largest of each column of a matrix. */
  readonly largestOver: (x: V) => V;
}

/** How the host joins a graph output over batches, in float64. */
export type How =
  /** Any fixed shape: added entry by entry. */
  | "entries"
  /** Any fixed shape: the largest, entry by entry. */
  | "largest";

/** A graph output and how it is joined. */
export interface Sum<H extends How = How> {
  readonly how: H;
  readonly value: V;
}

/** A number per row after the last row, in float64. */
export interface JoinedRows {
  readonly sum: number;
  readonly sumOfSquares: number;
  readonly largest: number;
}

/** What is known of the validation rows together. */
export interface MeasuredRows {
  readonly all: Variances;
  /** The thousandth of the rows that is farthest from the mean row; at least one. */
  readonly heaviest: Pick<Variances, "rows" | "fromMeanRow">;
  /** All but the heaviest. */
  readonly others: Variances;
  /** The lower median of |z| over the latents that are not zero; NaN for none. */
  readonly medianMagnitude: number;
}

/** What a metric's number is made of besides its sums. */
export interface Measured {
  /** Rows of its split. */
  readonly rows: number;
  readonly latentDim: number;
  readonly validation: MeasuredRows;
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

type Sums = Readonly<Record<string, Sum>>;
type Joined<S extends Sums, R extends string> = { readonly [K in keyof S]: Float64Array } & {
  readonly [K in R]: JoinedRows;
};

/** A metric: what is summed, and the numbers made of it. One file each. */
export interface Metric<S extends Sums = Sums, R extends string = string> {
  readonly name: string;
  readonly split: Split;
  /** Numbers per row, worked out on the host; for metrics of the validation rows, the only ones that are rebuilt. */
  readonly rows?: Readonly<Record<R, (row: Row) => number>>;
  /** Numbers per latent as graph values, for any number of rows without their latents leaving the device. */
  readonly sums?: (inputs: MetricInputs) => S;
  /** By key a number, or the reason in words why there is none. It is not asked where there are no rows. */
  readonly value: (sums: Joined<S, R>, measured: Measured) => Readonly<Record<string, Made>>;
  /** A description of every key `value` gives. */
  readonly keys: Readonly<Record<string, KeyInfo>>;
  /** Numbers for each latent, `[latentDim]`, where the metric has them. */
  readonly perLatent?: (sums: Joined<S, R>, measured: Measured) => Readonly<Record<string, Float64Array>>;
}

/** A metric as the rest of the code sees it: which sums it has is no longer known to the compiler. */
export interface AnyMetric extends Pick<Metric, "name" | "split" | "keys" | "rows" | "sums"> {
  readonly value: (sums: AnyJoined, measured: Measured) => Readonly<Record<string, Made>>;
  readonly perLatent?: (sums: AnyJoined, measured: Measured) => Readonly<Record<string, Float64Array>>;
}

/** Joined sums by name. */
export type AnyJoined = Readonly<Record<string, Float64Array | JoinedRows>>;

/** A metric, checked: `value` sees each sum as what it is. */
export const defineMetric = <S extends Sums = Record<never, never>, R extends string = never>(
  metric: Metric<S, R>,
): AnyMetric => metric as unknown as AnyMetric;

/** A sum of a fixed shape. */
export const entries = (value: V): Sum<"entries"> => ({ how: "entries", value });
/** A largest value of a fixed shape. */
export const largest = (value: V): Sum<"largest"> => ({ how: "largest", value });
