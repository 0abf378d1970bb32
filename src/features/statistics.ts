import { type Histogram, histogramOf } from "../evaluate/histogram.ts";
import type { Random } from "../util/random.ts";
import type { LatentRows } from "./byLatent.ts";
import type { RowFacts } from "./facts.ts";

/** Activations of one sign. */
export interface Signed {
  /** Rows with an activation of this sign. */
  readonly rows: number;
  /** Mean and largest |activation| of these; `null` where there are none. */
  readonly mean: number | null;
  readonly largest: number | null;
}

/** How often and how strongly a latent fires. */
export interface Firing {
  /** Rows it is not zero in. */
  readonly rows: number;
  /** Share of all rows; of the training and of the validation rows, `null` where there are none. */
  readonly frequency: number;
  readonly frequencyTrain: number | null;
  readonly frequencyValidation: number | null;
  readonly positive: Signed;
  readonly negative: Signed;
  readonly histogram: Histogram | undefined;
}

/** Training and validation rows of a set. */
export const splitCounts = ({ rows, validation }: Pick<RowFacts, "rows" | "validation">) => {
  const held = validation.reduce((sum, one) => sum + one, 0);
  return { train: rows - held, validation: held };
};

/** What a latent's activations are like; sums in float64, in the order of the rows. */
export function firingOf({ rows, values }: LatentRows, facts: Pick<RowFacts, "rows" | "validation">): Firing {
  const sides = [0, 1].map(() => ({ rows: 0, sum: 0, largest: 0 }));
  let held = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = values[i]!;
    const side = sides[value < 0 ? 1 : 0]!;
    const size = Math.abs(value);
    side.rows++;
    side.sum += size;
    if (size > side.largest) side.largest = size;
    held += facts.validation[rows[i]!]!;
  }
  const [positive, negative] = sides.map(
    ({ rows: count, sum, largest }): Signed =>
      count === 0 ? { rows: 0, mean: null, largest: null } : { rows: count, mean: sum / count, largest },
  ) as [Signed, Signed];
  const all = splitCounts(facts);
  const share = (count: number, of: number) => (of === 0 ? null : count / of);
  return {
    rows: rows.length,
    frequency: rows.length / Math.max(facts.rows, 1),
    frequencyTrain: share(rows.length - held, all.train),
    frequencyValidation: share(held, all.validation),
    ...{ positive, negative, histogram: histogramOf(values) },
  };
}

/** The numbers of a latent's rows among its own, the smallest |activation| first; of equal ones the later row first. */
export function bySize(values: Float32Array): Uint32Array {
  const count = values.length;
  // Sorted as plain numbers, which is many times as fast: 31 bits of a float32 without its sign, and 22 of its place.
  const places = 2 ** 22;
  if (count > places)
    return Uint32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => Math.abs(values[a]!) - Math.abs(values[b]!) || b - a,
    );
  const bits = new Uint32Array(values.slice().buffer);
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (bits[i]! & 0x7fffffff) * places + (places - 1 - i);
  return Uint32Array.from(keys.sort(), (key) => places - 1 - (key % places));
}

/** Which of a latent's rows to show: by their numbers among its own. */
export interface Shown {
  /** The largest |activation| first; of a text its strongest row alone. */
  readonly top: readonly number[];
  /** Some of each band of rows, bands from strong to weak. Each band has as many rows as the others, but for rounding. */
  readonly bands: readonly { readonly from: number; readonly to: number; readonly shown: readonly number[] }[];
}

export interface ShownCounts {
  readonly top: number;
  readonly bands: number;
  readonly perBand: number;
}

/**
 * The strongest rows of a latent, and rows of all strengths: bands between quantiles of its |activation|, some rows drawn from
 * each. The strongest rows alone mislead: many latents mean one thing at their strongest and another where they usually fire.
 */
export function shownRows(
  { rows, values }: LatentRows,
  texts: Int32Array | undefined,
  counts: ShownCounts,
  rng: Random,
): Shown {
  const order = bySize(values);
  const n = order.length;
  const top: number[] = [];
  const seen = new Set<number>();
  for (let i = n - 1; i >= 0 && top.length < counts.top; i--) {
    const text = texts?.[rows[order[i]!]!] ?? -1;
    if (text >= 0 && seen.has(text)) continue;
    seen.add(text);
    top.push(order[i]!);
  }
  const bands = Array.from({ length: Math.min(counts.bands, n) }, (_, i, of = Math.min(counts.bands, n)) => {
    const band = of - 1 - i;
    const own = order.subarray(Math.floor((band * n) / of), Math.floor(((band + 1) * n) / of));
    const drawn = new Set<number>();
    while (drawn.size < Math.min(counts.perBand, own.length)) drawn.add(rng.below(own.length));
    const size = (place: number) => Math.abs(values[place]!);
    const shown = [...drawn].sort((a, b) => b - a).map((at) => own[at]!);
    return { from: size(own[0]!), to: size(own.at(-1)!), shown };
  });
  return { top, bands };
}
