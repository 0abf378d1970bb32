import { describe, expect, test } from "vitest";
import { formatNumber, listed } from "../../src/report/format.ts";
import { differenceOf, spreadOf } from "../../src/report/stats.ts";

describe("spread", () => {
  // Computed with numpy: mean and std(ddof=1).
  test("of three seeds", () => {
    const { n, mean, sd } = spreadOf([0.702, 0.71, 0.719]);
    expect(n).toBe(3);
    expect(mean).toBeCloseTo(0.7103333333333333, 12);
    expect(sd).toBeCloseTo(0.00850490054811539, 12);
  });
  test("of one value has no deviation, of none no mean", () => {
    expect(spreadOf([2, null, Number.NaN])).toEqual({ n: 1, mean: 2, sd: null });
    expect(spreadOf([])).toEqual({ n: 0, mean: null, sd: null });
  });
});

describe("difference of means", () => {
  const at = (...values: number[]) => spreadOf(values);
  // By hand: both variances are 1, so the standard error is sqrt(1/3 + 1/3).
  test("has the standard error of Welch", () => {
    expect(differenceOf(at(1, 2, 3), at(2, 3, 4))).toEqual({
      value: -1,
      standardError: Math.sqrt(2 / 3),
      distinguishable: false,
    });
  });
  test("stands out from twice its standard error on", () => {
    expect(differenceOf(at(1, 2, 3), at(2.6, 3.6, 4.6))?.distinguishable).toBe(false);
    expect(differenceOf(at(1, 2, 3), at(2.7, 3.7, 4.7))?.distinguishable).toBe(true);
  });
  test("of equal constants does not stand out", () => {
    expect(differenceOf(at(1, 1), at(1, 1))?.distinguishable).toBe(false);
  });
  test("needs two seeds on either side", () => {
    expect(differenceOf(at(1), at(2, 3))).toBeNull();
  });
});

test.each([
  [".3f", 0.70249, "0.702"],
  [".4f", -0.00004, "0.0000"],
  [".1%", 0.0174, "1.7%"],
  ["+.1f", 1.7, "+1.7"],
  ["+.1f", -0.14, "−0.1"],
  [",d", 1234567, "1,234,567"],
  [",.1f", 12345.67, "12,345.7"],
  ["d", 253.5, "253.50"],
  [".2g", 0.012345, "0.012"],
  [".1e", 12345, "1.2e+4"],
  [".3f", Number.NaN, "–"],
  [".3f", null, "–"],
  [".3f", Number.NEGATIVE_INFINITY, "−∞"],
])("%s of %d is %s", (specifier, value, text) => {
  expect(formatNumber(specifier, value)).toBe(text);
});

test("lists are counted past their length", () => {
  expect(listed(["a"])).toBe("a");
  expect(listed(["a", "b", "c"])).toBe("a, b and c");
  expect(listed(["a", "b", "c", "d"], 3)).toBe("a, b and 2 more");
});
