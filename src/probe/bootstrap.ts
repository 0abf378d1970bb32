import { random } from "../util/random.ts";
import type { Measurer } from "./measures.ts";

/** A number and its 95 % interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What is drawn how often. */
const draws = 1000;

/**
 * Each measurer's numbers with intervals from 1,000 draws of as many groups as there are, with replacement: the percentiles 2.5 and 97.5. All
 * measurers see the same draws, so that what is `kept` of the first one's compares like with like: of its first measure, less `floor`, the share that the
 * others have. That is `null` where the first one's interval reaches the floor. Source: Efron and Tibshirani 1993, chapter 13.
 */
export function intervalsOf(
  measurers: readonly Measurer[],
  groups: Int32Array,
  { seed, floor }: { readonly seed: number; readonly floor: number },
): { readonly measures: Readonly<Record<string, Interval>>; readonly kept: Interval | null }[] {
  const ones = new Float64Array(groups.length).fill(1);
  const values = measurers.map((measure) => measure(ones));
  const main = Object.keys(values[0]!)[0]!;
  const count = groups.reduce((most, one) => Math.max(most, one), -1) + 1;
  const rng = random(seed, "bootstrap of probes");
  const drawn = Array.from({ length: draws }, () => {
    const times = new Float64Array(count);
    for (let i = 0; i < count; i++) times[rng.below(count)]!++;
    const weights = Float64Array.from(groups, (group) => times[group]!);
    return measurers.map((measure) => measure(weights));
  });
  const interval = (value: number, all: readonly number[]): Interval => {
    const sorted = all.filter(Number.isFinite).sort((a, b) => a - b);
    return { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
  };
  const all = values.map((own, i) =>
    Object.fromEntries(
      Object.entries(own).map(([name, value]) => [
        name,
        interval(
          value,
          drawn.map((each) => each[i]![name]!),
        ),
      ]),
    ),
  );
  const share = (each: typeof values, i: number) => (each[i]![main]! - floor) / (each[0]![main]! - floor);
  const tells = all[0]![main]!.low > floor;
  return all.map((measures, i) => ({
    measures,
    kept: tells
      ? interval(
          share(values, i),
          drawn.map((each) => share(each, i)),
        )
      : null,
  }));
}

/** A quantile of sorted numbers, between neighbours in proportion; NaN of none. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return below + (above - below) * (at - Math.floor(at));
}
