import { metrics } from "../metrics/index.ts";
import type { AnyMetric, JoinedRows, MeasuredRows } from "../metrics/metric.ts";
import { measureRow, type Row } from "../metrics/row.ts";
import { aboutMean, spreadWithin, type Variances } from "../metrics/variance.ts";
import type { HostTensor } from "../util/tensor.ts";
import { HeaviestRows } from "./heaviestRows.ts";
import { PositiveMedian } from "./median.ts";

type Matrix = HostTensor<"float32">;

/** Rows, what was rebuilt of them, and those of their latents that may be non-zero. */
export interface RowBatch {
  readonly target: Matrix;
  readonly xHat: Matrix;
  readonly active: Matrix;
}

/**
 * Everything the metrics of rows need, added up in float64, one row after the other: how rows are divided into batches
 * changes no bit of it. The mean row is known before, so that no digit is lost where all rows are far from 0.
 */
export class RowTotals {
  readonly #mean: Float64Array;
  readonly #numbers = Object.entries<AnyMetric>(metrics).flatMap(([metric, { rows = {} }]) =>
    Object.entries(rows).map(([name, of]) => ({ metric, name, of, joined: new Join() })),
  );
  readonly #median = new PositiveMedian();
  readonly #heaviest: HeaviestRows;
  /** A residual, to be taken off all of them. */
  #c: number | undefined;
  #rows = 0;
  #notFinite = 0;
  #all = { spread: 0, error: 0, residual: 0, residualSquares: 0 };

  /** `mean`: the mean of all rows that will come, `rows`: how many. */
  constructor(mean: Float64Array, rows: number) {
    this.#mean = mean;
    this.#heaviest = new HeaviestRows(Math.ceil(rows / 1000));
  }

  /** Rows seen so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Rows for which the model gave NaN or infinity. */
  get notFinite(): number {
    return this.#notFinite;
  }

  add({ target: { data: target, dims }, xHat: { data: xHat }, active }: RowBatch): void {
    const [count, width] = dims as [number, number];
    const activeDim = active.dims[1]!;
    if (count > 0) this.#c ??= Number.isFinite(xHat[0]) ? target[0]! - xHat[0]! : 0;
    const common = { target, xHat, mean: this.#mean, c: this.#c ?? 0, active: active.data, activeDim };
    for (let row = 0; row < count; row++) {
      const at = row * width;
      const measured = measureRow({ ...common, at, activeAt: row * activeDim });
      this.#addRow(measured);
      this.#heaviest.add(measured, target.subarray(at, at + width));
    }
    this.#median.add(active.data.map(Math.abs));
  }

  #addRow(row: Row): void {
    this.#rows++;
    if (!Number.isFinite(row.error + row.magnitude)) this.#notFinite++;
    addTo(this.#all, row);
    for (const { of, joined } of this.#numbers) joined.add(of(row));
  }

  /** Whether the latents have to be given a second time before there is a median. */
  again(): boolean {
    return this.#median.again();
  }

  /** Latents once more. */
  addAgain(active: Matrix): void {
    this.#median.add(active.data.map(Math.abs));
  }

  /** The numbers per row of a metric, joined. */
  joined(metric: string): Readonly<Record<string, JoinedRows>> {
    const own = this.#numbers.filter((one) => one.metric === metric);
    return Object.fromEntries(own.map(({ name, joined }) => [name, joined]));
  }

  /** What is known of the rows together. */
  measured(): MeasuredRows {
    const [rows, outputDim] = [this.#rows, this.#mean.length];
    const { spread, error, residual, residualSquares } = this.#all;
    const all: Variances = {
      ...{ rows, outputDim, error },
      fromMeanRow: spread,
      ofMeanRow: rows * spreadWithin(this.#mean),
      residual: aboutMean(residualSquares, residual, rows * outputDim),
    };
    const { spread: heavy, count } = this.#heaviest;
    const others = this.#heaviest.others(outputDim);
    return { all, others, heaviest: { rows: count, fromMeanRow: heavy }, medianMagnitude: this.#median.value() };
  }
}

/** Sums of rows that `Variances` are made of. */
export type Total = { spread: number; error: number; residual: number; residualSquares: number };

/** Adds a row to them. */
export function addTo(total: Total, row: Row): void {
  total.spread += row.spread;
  total.error += row.error;
  total.residual += row.residual;
  total.residualSquares += row.residualSquares;
}

/** A number per row, joined over the rows. */
class Join implements JoinedRows {
  sum = 0;
  sumOfSquares = 0;
  largest = Number.NEGATIVE_INFINITY;

  add(v: number): void {
    this.sum += v;
    this.sumOfSquares += v * v;
    this.largest = Math.max(this.largest, v);
  }
}
