/** Mean and spread of some values. */
export interface Spread {
  /** Number of values. */
  readonly n: number;
  /** `null` without values. */
  readonly mean: number | null;
  /** Sample standard deviation (divisor n - 1); `null` below two values. */
  readonly sd: number | null;
}

/** Number, mean and sample standard deviation of the values that exist; `null`, NaN and infinities are left out. */
export function spreadOf(values: readonly (number | null | undefined)[]): Spread {
  const finite = values.filter((value): value is number => Number.isFinite(value));
  const n = finite.length;
  if (n === 0) return { n, mean: null, sd: null };
  const mean = sum(finite) / n;
  const sd = n < 2 ? null : Math.sqrt(sum(finite.map((value) => (value - mean) ** 2)) / (n - 1));
  return { n, mean, sd };
}

/** The least and the greatest of some numbers, however many; `null` of none. */
export function extentOf(values: readonly number[]): readonly [low: number, high: number] | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return values.length === 0 ? null : [low, high];
}

/** A difference of two means and what it is worth. */
export interface Difference {
  /** `a.mean - b.mean`. */
  readonly value: number;
  /** sqrt(sdA^2 / nA + sdB^2 / nB). */
  readonly standardError: number;
  /** Whether |value| is at least twice the standard error. */
  readonly distinguishable: boolean;
}

/** The difference of two means with its standard error over seeds; `null` where either has fewer than two values. */
export function differenceOf(a: Spread, b: Spread): Difference | null {
  if (a.mean === null || b.mean === null || a.sd === null || b.sd === null) return null;
  const value = a.mean - b.mean;
  const standardError = Math.sqrt(a.sd ** 2 / a.n + b.sd ** 2 / b.n);
  return { value, standardError, distinguishable: Math.abs(value) >= 2 * standardError && value !== 0 };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
