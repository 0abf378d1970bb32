import type { Row } from "../metrics/row.ts";
import { aboutMean, spreadWithin, type Variances } from "../metrics/variance.ts";

interface Kept {
  readonly row: Row;
  readonly target: Float32Array;
}

/**
 * The rows of a stream that are farthest from its mean row, and the variances of all others. The heaviest so far are kept; a row is
 * added to the others when it is not, or no more, among them. So nothing is ever taken off a sum: a single row may be as heavy as it
 * likes and costs the others no digit.
 */
export class HeaviestRows {
  readonly #most: number;
  /** The lightest first. */
  #kept: Kept[] = [];
  #others = 0;
  #error = 0;
  #residual = 0;
  #residualSquares = 0;
  /** The first of the others: they are summed as differences from it. */
  #base: Float32Array | undefined;
  #fromBase = new Float64Array();
  #squares = 0;

  /** The `most` heaviest. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many there are. */
  get count(): number {
    return this.#kept.length;
  }

  /** Their squared distance from the mean row. */
  get spread(): number {
    return this.#kept.reduce((sum, { row }) => sum + row.spread, 0);
  }

  /** Takes a row. Of two equally heavy ones the earlier counts as heavier. */
  add(row: Row, target: Float32Array): void {
    const full = this.#kept.length === this.#most;
    if (full && !(row.spread > (this.#kept[0]?.row.spread ?? Number.POSITIVE_INFINITY))) {
      this.#addOther(row, target);
      return;
    }
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#kept[middle]!.row.spread < row.spread) low = middle + 1;
      else high = middle;
    }
    this.#kept.splice(low, 0, { row, target: target.slice() });
    if (!full) return;
    const lightest = this.#kept.shift()!;
    this.#addOther(lightest.row, lightest.target);
  }

  #addOther({ error, residual, residualSquares }: Row, target: Float32Array): void {
    this.#others++;
    this.#error += error;
    this.#residual += residual;
    this.#residualSquares += residualSquares;
    if (!this.#base) {
      this.#base = target.slice();
      this.#fromBase = new Float64Array(target.length);
    }
    const [base, sums] = [this.#base, this.#fromBase];
    let squares = 0;
    for (let i = 0; i < target.length; i++) {
      const y = target[i]! - base[i]!;
      sums[i]! += y;
      squares += y * y;
    }
    this.#squares += squares;
  }

  /** The variances of all other rows, about their own mean row. */
  others(outputDim: number): Variances {
    const rows = this.#others;
    const mean = this.#fromBase.map((sum, i) => this.#base![i]! + sum / rows);
    return {
      ...{ rows, outputDim, error: this.#error },
      fromMeanRow: Math.max(
        0,
        this.#fromBase.reduce((left, sum) => left - (sum * sum) / rows, this.#squares),
      ),
      ofMeanRow: rows * spreadWithin(mean),
      residual: aboutMean(this.#residualSquares, this.#residual, rows * outputDim),
    };
  }
}
