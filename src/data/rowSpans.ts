/** A range of rows: `from` to `to`, excluded. */
export type Range = readonly [from: number, to: number];

/** Some rows of a set, ascending, stored as ranges: `[from, to, from, to, ...]`. Numbers beyond 2^32 are fine. */
export class RowSpans {
  readonly bounds: Float64Array;
  /** How many rows stand before each range, and after the last. */
  readonly #before: Float64Array;

  constructor(bounds: Float64Array) {
    this.bounds = bounds;
    this.#before = new Float64Array(bounds.length / 2 + 1);
    for (let i = 0; i < bounds.length; i += 2)
      this.#before[i / 2 + 1] = this.#before[i / 2]! + bounds[i + 1]! - bounds[i]!;
  }

  static of(...ranges: readonly Range[]): RowSpans {
    return RowSpans.from(ranges);
  }

  /** Any number of ranges, ascending. */
  static from(ranges: readonly Range[]): RowSpans {
    return new RowSpans(Float64Array.from(ranges.filter(([from, to]) => to > from).flat()));
  }

  /** How many rows there are. */
  get count(): number {
    return this.#before.at(-1)!;
  }

  /** Rows given by their number among these, by their number in the whole set. */
  within(some: RowSpans): RowSpans {
    return RowSpans.from(some.ranges().flatMap(([from, to]) => this.ranges(from, to)));
  }

  /** The ranges of those rows that are number `from` to `to` (excluded) among these. */
  ranges(from = 0, to = this.count): Range[] {
    const found: Range[] = [];
    if (to <= from) return found;
    // The last range that begins at or before `from`.
    let [low, high] = [0, this.#before.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#before[middle]! <= from) low = middle;
      else high = middle;
    }
    for (let i = low; i < this.#before.length - 1 && this.#before[i]! < to; i++) {
      const shift = this.bounds[2 * i]! - this.#before[i]!;
      found.push([Math.max(this.bounds[2 * i]!, from + shift), Math.min(this.bounds[2 * i + 1]!, to + shift)]);
    }
    return found;
  }
}
