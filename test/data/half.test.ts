import fc from "fast-check";
import { expect, test } from "vitest";
import { bfloat16ToFloat32, float32ToHalf, halfToFloat32 } from "../../src/data/half.ts";

const everyHalf = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const toHalf = (...values: number[]) => [...float32ToHalf(Float32Array.from(values))];

/** The value of a bit pattern by the formula of IEEE 754, in double precision. */
function formula(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * (1 + fraction) * 2 ** (exponent - 15) : sign * fraction * 2 ** -14;
}

/** The nearest half of a positive number by looking at its neighbours, ties to even; 65536 stands for infinity. */
function nearest(value: number): number {
  let [low, high] = [0, 0x7c00];
  const at = (bits: number) => (bits === 0x7c00 ? 65536 : formula(bits));
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle) <= value) low = middle;
    else high = middle;
  }
  const [below, above] = [value - at(low), at(high) - value];
  return below < above || (below === above && low % 2 === 0) ? low : high;
}

test("every float16 has the value of the formula", () => {
  const values = halfToFloat32(everyHalf);
  for (const bits of everyHalf) if (!Object.is(values[bits], formula(bits))) expect.fail(`0x${bits.toString(16)}`);
});

test("every float16 that is a number goes to float32 and back unchanged; NaN stays NaN", () => {
  const back = float32ToHalf(halfToFloat32(everyHalf));
  for (const bits of everyHalf)
    if (Number.isNaN(formula(bits)) ? !Number.isNaN(formula(back[bits]!)) : back[bits] !== bits)
      expect.fail(`0x${bits.toString(16)} came back as 0x${back[bits]!.toString(16)}`);
});

test("NaN stays NaN even when only low bits of its payload are set", () => {
  const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
  expect([...halfToFloat32(float32ToHalf(nan))]).toEqual([Number.NaN, Number.NaN]);
});

test("rounds to nearest, ties to even, through subnormals, zero and infinity", () => {
  expect(toHalf(1, -2, 65504, 65519.996, 65520, -1e30)).toEqual([0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0xfc00]);
  expect(toHalf(2 ** -24, 2 ** -25, 1.0000001 * 2 ** -25, -(2 ** -26), 3 * 2 ** -25)).toEqual([1, 0, 1, 0x8000, 2]);
  expect(toHalf(1 + 2 ** -11, 1 + 3 * 2 ** -11, -0, 2 ** -14 - 2 ** -25)).toEqual([0x3c00, 0x3c02, 0x8000, 0x400]);
});

test("any float32 becomes the nearest float16", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.float({ noNaN: true, min: 0, max: 70000 }), fc.float({ noNaN: true, min: 0, max: 2 ** -13 })),
      (value) => {
        expect(toHalf(value, -value)).toEqual([nearest(value), nearest(value) | 0x8000]);
      },
    ),
    { seed: 1, numRuns: 5000 },
  );
});

test("a bfloat16 is the upper half of a float32", () => {
  const values = bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x8000, 0x0001));
  expect([...values]).toEqual([1, -3.140625, Number.POSITIVE_INFINITY, -0, 2 ** -133]);
  expect(bfloat16ToFloat32(Uint16Array.of(0x7fc0))[0]).toBeNaN();
});
