import { type HostTensor, sizeOf } from "../util/tensor.ts";

/** A value so many times the median magnitude is massive. Source: Sun et al. 2024, Massive Activations in Large Language Models, section 2. */
const massiveRatio = 1000;

/** A dimension that has massive values. */
export interface MassiveDimension {
  readonly dimension: number;
  /** Its largest |value|. */
  readonly largest: number;
  /** Rows with a massive value in it. */
  readonly rows: number;
}

/** How long the rows of a set are, and which dimensions stand out. */
export interface RowStatistics {
  readonly rows: number;
  /** Lengths: the lower median, what 99.9 % of the rows do not exceed, the largest and its row. */
  readonly norms: {
    readonly median: number;
    readonly q999: number;
    readonly largest: number;
    readonly largestRow: number;
  };
  /** Share of the sum of all squares that the longest 0.1 % of the rows hold; at least one row. */
  readonly topShare: number;
  /** Median of |value| over the values that are not 0, to 1 %. */
  readonly magnitude: number;
  /** Dimensions that hold more than a tenth of the sum of all squares, and three times as much as each of equal ones; the largest first. */
  readonly heavy: readonly { readonly dimension: number; readonly share: number; readonly largest: number }[];
  /** Values above 1,000 times the median magnitude: in how many rows, and the dimensions, the largest first. */
  readonly massive: { readonly rows: number; readonly dimensions: readonly MassiveDimension[] };
}

/**
 * The statistics of rows that may be larger than memory: one number is kept a row. They are read twice where some value is massive.
 * `batches` gives all rows from the first on; there is at least one.
 */
export async function rowStatistics(batches: () => AsyncIterable<HostTensor<"float32">>): Promise<RowStatistics> {
  const norms: number[] = [];
  const magnitudes = new Magnitudes();
  let [squaresOf, largestOf] = [new Float64Array(), new Float64Array()];
  for await (const { data, dims } of batches()) {
    const width = sizeOf(dims.slice(1));
    if (squaresOf.length === 0) [squaresOf, largestOf] = [new Float64Array(width), new Float64Array(width)];
    for (let at = 0; at < data.length; at += width) {
      let squares = 0;
      for (let i = 0; i < width; i++) {
        const size = Math.abs(data[at + i]!);
        squares += size * size;
        squaresOf[i]! += size * size;
        if (size > largestOf[i]!) largestOf[i] = size;
      }
      norms.push(Math.sqrt(squares));
    }
    magnitudes.add(data);
  }
  const sorted = Float64Array.from(norms).sort();
  const rows = norms.length;
  const squares = (some: Float64Array) => some.reduce((sum, norm) => sum + norm * norm, 0);
  const magnitude = magnitudes.median();
  const top = sorted.at(-1)!;
  const largest = largestOf.reduce((most, size) => Math.max(most, size), 0);
  const all = squaresOf.reduce((sum, part) => sum + part, 0);
  const heavy = Array.from(squaresOf, (part, dimension) => ({
    ...{ dimension, share: all === 0 ? 0 : part / all },
    largest: largestOf[dimension]!,
  })).filter(({ share }) => share > Math.max(0.1, 3 / squaresOf.length));
  return {
    rows,
    norms: {
      median: sorted[Math.floor((rows - 1) / 2)]!,
      q999: sorted[Math.ceil(0.999 * rows) - 1]!,
      largest: top,
      largestRow: norms.indexOf(top),
    },
    topShare: top === 0 ? 0 : squares(sorted.subarray(rows - Math.ceil(rows / 1000))) / squares(sorted),
    magnitude,
    heavy: heavy.sort((a, b) => b.share - a.share),
    massive:
      largest > massiveRatio * magnitude
        ? await massiveIn(batches(), massiveRatio * magnitude)
        : { rows: 0, dimensions: [] },
  };
}

/** The rows and dimensions with values above a bound. */
async function massiveIn(
  batches: AsyncIterable<HostTensor<"float32">>,
  bound: number,
): Promise<RowStatistics["massive"]> {
  const dimensions = new Map<number, { dimension: number; largest: number; rows: number }>();
  let rows = 0;
  for await (const { data, dims } of batches) {
    const width = sizeOf(dims.slice(1));
    let last = -1;
    for (let at = 0; at < data.length; at++) {
      const size = Math.abs(data[at]!);
      if (size <= bound) continue;
      const row = Math.floor(at / width);
      if (row !== last) rows++;
      last = row;
      const dimension = at % width;
      const one = dimensions.get(dimension) ?? { dimension, largest: 0, rows: 0 };
      dimensions.set(dimension, { dimension, largest: Math.max(one.largest, size), rows: one.rows + 1 });
    }
  }
  return { rows, dimensions: [...dimensions.values()].sort((a, b) => b.largest - a.largest) };
}

/** Counts |values| by the upper bits of their float32: sign off, exponent, and seven bits behind the point. */
class Magnitudes {
  #counts = new Float64Array(2 ** 15);
  #count = 0;

  add(data: Float32Array): void {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    for (let i = 0; i < bits.length; i++) {
      const size = bits[i]! & 0x7fffffff;
      if (size === 0) continue;
      this.#counts[size >>> 16]!++;
      this.#count++;
    }
  }

  /** The middle of the bin of the lower median; 0 where there are no values. */
  median(): number {
    if (this.#count === 0) return 0;
    let [at, before] = [0, 0];
    while (before + this.#counts[at]! <= Math.floor((this.#count - 1) / 2)) before += this.#counts[at++]!;
    return new Float32Array(Uint32Array.of(at * 2 ** 16 + 2 ** 15).buffer)[0]!;
  }
}
