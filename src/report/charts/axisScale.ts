import { extentOf } from "../stats.ts";

/** A linear or logarithmic axis in the terms of the data and of pixels. */
export interface AxisScale {
  readonly type: "log" | "linear";
  readonly domain: readonly [number, number];
  /** Pixels from the low end of the axis. */
  readonly pixel: (value: number) => number;
}

/** A scale over the values with room before and after them, as shares of their span; linear where a value is not positive. */
export function axisScale(
  values: readonly number[],
  options: { readonly log: boolean; readonly length: number; readonly before: number; readonly after: number },
): AxisScale {
  const [least, greatest] = extentOf(values) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const log = options.log && least > 0;
  const to = log ? Math.log : (value: number) => value;
  const from = log ? Math.exp : (value: number) => value;
  const low = to(least);
  const high = to(greatest);
  const span = high - low || Math.abs(low) * 0.1 || 1;
  const domain = [from(low - options.before * span), from(high + options.after * span)] as const;
  const start = to(domain[0]);
  const length = to(domain[1]) - start;
  return {
    type: log ? "log" : "linear",
    domain,
    pixel: (value) => ((to(value) - start) / length) * options.length,
  };
}

/** The distinct values as ticks, ascending, without those less than 24 pixels after the one before. */
export function ticksAt(values: readonly number[], { pixel }: AxisScale): readonly number[] {
  const ticks: number[] = [];
  for (const value of [...new Set(values)].sort((a, b) => a - b))
    if (ticks.length === 0 || pixel(value) - pixel(ticks.at(-1)!) >= 24) ticks.push(value);
  return ticks;
}

/** How a logarithmic axis of some pixels is labelled: at powers of ten that have room beside each other; between them where there are not two. */
export function logAxis(low: number, high: number, length: number): object {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const count = Math.max(0, last - first + 1);
  if (count < 2) return { format: "~g", tickCount: 4 };
  const room = length / Math.max(1, Math.log10(high / low));
  const step = Math.max(1, Math.ceil(42 / room));
  const powers = Array.from({ length: count }, (_, index) => first + index);
  return { format: "~g", values: powers.filter((power) => (last - power) % step === 0).map((power) => 10 ** power) };
}
