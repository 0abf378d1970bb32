/** Squared distances of some rows and of their reconstructions, summed in float64. */
export interface Variances {
  readonly rows: number;
  /** Width of the rows. */
  readonly outputDim: number;
  /** Of the rows from their mean row: what the mean predictor leaves. */
  readonly fromMeanRow: number;
  /** Of the entries of the mean row from their own mean, once for each row: what the mean predictor explains. */
  readonly ofMeanRow: number;
  /** Of the rows from their reconstructions. */
  readonly error: number;
  /** Of all entries of the residual from their one mean. */
  readonly residual: number;
}

/** Squared distance of all entries from their one mean: within the columns, and between them. */
export const fromMean = ({ fromMeanRow, ofMeanRow }: Variances): number => fromMeanRow + ofMeanRow;

/** A number; or where there is none, the reason in words. */
export type Made = number | string;

/** `1 - left / of`; without a variance to explain, the reason. */
export const explained = (left: number, of: number, { rows }: Variances): Made =>
  of === 0 ? nothingVaries(rows) : 1 - left / of;

/** Why there is no variance to explain. */
export const nothingVaries = (rows: number): string =>
  rows === 1 ? "a single row does not vary" : "all rows are equal";

/** What a squared distance of `count` numbers is once `sum`, of the numbers, is known: their mean is taken off. */
export const aboutMean = (squares: number, sum: number, count: number): number =>
  Math.max(0, squares - (sum * sum) / count);

/** Squared distance of the entries of a row from their mean. */
export function spreadWithin(row: Float64Array): number {
  const middle = row.reduce((sum, v) => sum + v, 0) / row.length;
  return row.reduce((sum, v) => sum + (v - middle) ** 2, 0);
}
