/** The rows a metric sees: what a row was, what was rebuilt of it, and the latents between, as sums in float64. */
export interface Row {
  /** |x|^2. */
  readonly squares: number;
  /** |xHat|^2. */
  readonly rebuilt: number;
  /** x . xHat */
  readonly product: number;
  /** |x - xHat|^2. */
  readonly error: number;
  /** |x - mean|^2, the mean row of all evaluated rows. */
  readonly spread: number;
  /** Latents that are not zero; NaN where one is no finite number. */
  readonly fired: number;
  /** Sum of |z|. */
  readonly magnitude: number;
  /** Largest |z|. */
  readonly strongest: number;
  /** Sum over the entries of x - xHat - c, with a constant c near them: their variance keeps its digits when they are far from 0. */
  readonly residual: number;
  /** Sum over the entries of (x - xHat - c)^2. */
  readonly residualSquares: number;
}

/** Where a row's numbers stand. */
export interface RowPlace {
  readonly target: Float32Array;
  readonly xHat: Float32Array;
  /** Where the row begins in both. */
  readonly at: number;
  /** `[outputDim]`. */
  readonly mean: Float64Array;
  /** The constant that is taken off residuals before they are summed. */
  readonly c: number;
  readonly active: Float32Array;
  readonly activeAt: number;
  /** How many latents of the row may be non-zero. */
  readonly activeDim: number;
}

/** All sums of one row. The square of a float32 number neither over- nor underflows in float64. */
export function measureRow({ target, xHat, at, mean, c, active, activeAt, activeDim }: RowPlace): Row {
  let [squares, rebuilt, product, error, spread, residual, residualSquares] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < mean.length; i++) {
    const x = target[at + i]!;
    const y = xHat[at + i]!;
    const left = x - y;
    const near = left - c;
    const centred = x - mean[i]!;
    squares += x * x;
    rebuilt += y * y;
    product += x * y;
    error += left * left;
    spread += centred * centred;
    residual += near;
    residualSquares += near * near;
  }
  let [fired, magnitude, strongest] = [0, 0, 0];
  for (let i = 0; i < activeDim; i++) {
    const size = Math.abs(active[activeAt + i]!);
    if (size === 0) continue;
    fired++;
    magnitude += size;
    if (size > strongest) strongest = size;
  }
  if (!Number.isFinite(magnitude)) fired = strongest = Number.NaN;
  return { squares, rebuilt, product, error, spread, fired, magnitude, strongest, residual, residualSquares };
}
