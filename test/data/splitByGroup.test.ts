import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitByGroup } from "../../src/data/splitByGroup.ts";

const values = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 8, maxLength: 200 });

test("no value is on both sides, both sides have some, and the order of rows does not matter", async () => {
  await fc.assert(
    fc.asyncProperty(values, fc.double({ min: 0.05, max: 0.95, noNaN: true }), async (column, share) => {
      fc.pre(new Set(column).size > 1);
      const sides = await splitByGroup(column, share, "problem");
      const of = new Map(column.map((value, row) => [value, sides[row]]));
      expect(column.every((value, row) => of.get(value) === sides[row])).toBe(true);
      expect([...new Set(sides)].sort()).toEqual([0, 1]);
      const back = await splitByGroup(column.toReversed(), share, "problem");
      expect([...back].reverse()).toEqual([...sides]);
    }),
    { numRuns: 50 },
  );
});

test("values train in the order of their SHA-256 until the share is reached", async () => {
  const column = Array.from({ length: 100 }, (_, row) => `p${row % 10}`);
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const order = [...new Set(column)].sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
  const sides = await splitByGroup(column, 0.7, "problem");
  expect([...sides]).toEqual(column.map((value) => (order.indexOf(value) < 7 ? 0 : 1)));
});

test("a column of one value cannot be divided", async () => {
  await expect(splitByGroup([3, 3, 3], 0.5, "text_id")).rejects.toThrow(/"text_id" has one value only/);
});
