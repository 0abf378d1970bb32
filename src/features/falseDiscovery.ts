/** Steps of the logarithm of a chance that are told apart: chances within one step differ by 0.02 %. */
const stepsPerUnit = 4096;
/** Chances below 1e-304 count as that. */
const lowest = -700;

/**
 * How many false discoveries to expect among all tests that are as sure as one of them (Benjamini-Hochberg), without keeping the
 * chances of millions of tests: they are counted by the steps their logarithms fall into. A rate is never too small, and too
 * large by 0.02 % at most.
 *
 *     q = min over p' >= p of p' tests / (tests with p'' <= p')
 *
 * Source: Benjamini and Hochberg 1995, Controlling the false discovery rate.
 */
export class FalseDiscovery {
  readonly #counts = new Float64Array(-lowest * stepsPerUnit + 1);
  #rates: Float64Array | undefined;
  #counted = 0;

  /** Counts a test. */
  add(chance: number): void {
    this.#counts[stepOf(chance)]! += 1;
    this.#counted++;
  }

  /** All tests that were made; those not added have the chance 1. */
  finish(tests: number): void {
    const rates = new Float64Array(this.#counts.length).fill(1);
    let sum = Math.max(tests, this.#counted);
    const all = sum;
    let least = 1;
    for (let step = rates.length - 1; step >= 0; step--) {
      if (this.#counts[step]! > 0 || step === rates.length - 1)
        least = Math.min(least, (all * Math.exp(lowest + step / stepsPerUnit)) / Math.max(sum, 1));
      rates[step] = least;
      sum -= this.#counts[step]! + (step === rates.length - 1 ? all - this.#counted : 0);
    }
    this.#rates = rates;
  }

  /** The rate of false discoveries among tests at least as sure as this one. */
  rateOf(chance: number): number {
    return this.#rates![stepOf(chance)]!;
  }
}

/** The step whose upper end is the first at or above a chance. */
const stepOf = (chance: number): number =>
  Math.min(-lowest * stepsPerUnit, Math.max(0, Math.ceil((Math.log(chance) - lowest) * stepsPerUnit)));
