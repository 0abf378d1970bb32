/** Logarithms of factorials, `[most + 1]`. */
export function logFactorials(most: number): Float64Array {
  const logs = new Float64Array(most + 1);
  for (let n = 2; n <= most; n++) logs[n] = logs[n - 1]! + Math.log(n);
  return logs;
}

/** Two traits of rows: `both` of `rows` have both, `one` and `other` have each. */
export interface Crossed {
  readonly rows: number;
  readonly one: number;
  readonly other: number;
  readonly both: number;
}

/**
 * The chance that as many rows or more have both traits, if one of them were dealt out to the rows anew: the exact value of a
 * permutation test of the count (Fisher's exact test, one-sided). In (0, 1].
 *
 *     sum over i >= both of C(one, i) C(rows - one, other - i) / C(rows, other)
 *
 * Source: Fisher 1935, The design of experiments.
 */
export function chanceOfMore({ rows, one, other, both }: Crossed, logs: Float64Array): number {
  const most = Math.min(one, other);
  const least = Math.max(0, one + other - rows);
  if (both <= least) return 1;
  const log = (i: number) =>
    logs[one]! -
    logs[i]! -
    logs[one - i]! +
    logs[rows - one]! -
    logs[other - i]! -
    logs[rows - one - other + i]! -
    (logs[rows]! - logs[other]! - logs[rows - other]!);
  /** The sum from `first` on, downwards or upwards; terms fall ever faster on the far side of the mode. */
  const sumFrom = (first: number, step: 1 | -1) => {
    let term = 1;
    let sum = 0;
    for (let i = first; i >= least && i <= most && term > 1e-18 * sum; i += step) {
      sum += term;
      term *=
        step > 0
          ? ((one - i) * (other - i)) / ((i + 1) * (rows - one - other + i + 1))
          : (i * (rows - one - other + i)) / ((one - i + 1) * (other - i + 1));
    }
    return sum * Math.exp(log(first));
  };
  const isAboveMean = both > (one * other) / rows;
  return Math.min(1, isAboveMean ? sumFrom(both, 1) : 1 - sumFrom(both - 1, -1));
}

/**
 * Mutual information of two traits, in bits: 0 where one says nothing of the other, 1 at most.
 * Source: Cover and Thomas 2006, Elements of information theory, section 2.3.
 */
export function mutualInformation({ rows, one, other, both }: Crossed): number {
  const cells = [
    [both, one, other],
    [one - both, one, rows - other],
    [other - both, rows - one, other],
    [rows - one - other + both, rows - one, rows - other],
  ] as const;
  let sum = 0;
  for (const [count, a, b] of cells) if (count > 0) sum += (count / rows) * Math.log2((count * rows) / (a * b));
  return Math.max(0, sum);
}

/** How many times as often rows with one trait have the other as all rows have. */
export const liftOf = ({ rows, one, other, both }: Crossed): number => (both * rows) / (one * other);
