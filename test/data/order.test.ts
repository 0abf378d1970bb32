import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { epochWindows, windowRows } from "../../src/data/order.ts";
import { RowSpans } from "../../src/data/rowSpans.ts";
import { permutation, random } from "../../src/util/random.ts";

const shuffles = fc.record({
  seed: fc.nat(50),
  shuffleRows: fc.integer({ min: 1, max: 60 }),
  batchSize: fc.integer({ min: 1, max: 20 }),
  rows: fc.integer({ min: 1, max: 300 }),
});

/** Row numbers in the order an epoch visits them. */
const visits = (
  shuffle: { seed: number; shuffleRows: number | undefined; batchSize: number; rows: number },
  epoch: number,
) =>
  [...epochWindows(shuffle, shuffle.rows, epoch)].map(({ blocks, order }) => {
    const numbers = blocks.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
    return Array.from(order, (place) => numbers[place]!);
  });

describe("the order of an epoch", () => {
  test("visits every row once, in windows of whole batches but the last", () => {
    fc.assert(
      fc.property(shuffles, (shuffle) => {
        const windows = visits(shuffle, 0);
        expect(windows.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: shuffle.rows }, (_, i) => i));
        for (const window of windows.slice(0, -1)) expect(window.length).toBe(windowRows(shuffle, shuffle.rows));
        if (windows.length > 1) expect(windows[0]!.length % shuffle.batchSize).toBe(0);
      }),
    );
  });

  test("is one permutation of all rows where they fit", () => {
    const whole = [Array.from(permutation(100, random(3, "shuffle/7")))];
    for (const shuffleRows of [100, 120, 128, undefined])
      expect(visits({ seed: 3, shuffleRows, batchSize: 64, rows: 100 }, 7)).toEqual(whole);
    expect(visits({ seed: 3, shuffleRows: 99, batchSize: 64, rows: 100 }, 7).length).toBe(2);
  });

  test("mixes places far from each other, another way in each epoch", () => {
    const shuffle = { seed: 0, shuffleRows: 1000, batchSize: 100, rows: 20_000 };
    const [first, again, second] = [visits(shuffle, 0)[0]!, visits(shuffle, 0)[0]!, visits(shuffle, 1)[0]!];
    expect(first).toEqual(again);
    expect(first).not.toEqual(second);
    const tenths = new Set(first.map((row) => Math.floor(row / 2000)));
    expect(tenths.size).toBeGreaterThan(5);
  });
});

test("RowSpans gives the ranges of any part of its rows", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.nat(60), fc.nat(60), (chosen, a, b) => {
      const rows = chosen.flatMap((yes, row) => (yes ? [row] : []));
      const spans = RowSpans.of(...rows.map((row) => [row, row + 1] as const));
      const [from, to] = [Math.min(a, b, rows.length), Math.min(Math.max(a, b), rows.length)];
      const found = spans.ranges(from, to).flatMap(([x, y]) => Array.from({ length: y - x }, (_, i) => x + i));
      expect(spans.count).toBe(rows.length);
      expect(found).toEqual(rows.slice(from, to));
    }),
  );
});
