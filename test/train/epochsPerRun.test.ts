import { expect, test } from "vitest";
import { epochsForNextRun } from "../../src/train/epochsPerRun.ts";

const gigabyte = 1e9;

test("as few epochs as keep the state's way below 2 % of the time", () => {
  // 0.6 GB there and back at 6 GB/s are 0.2 s: with epochs of 2 s, 9.8 s of training are five of them; 3 s allow one.
  expect(epochsForNextRun(0.6 * gigabyte, { epochs: 1, seconds: 2.2 })).toBe(1);
  // 6 MB: 2 ms, so 98 ms of training: ten epochs of 10 ms.
  expect(epochsForNextRun(0.006 * gigabyte, { epochs: 1, seconds: 0.012 })).toBe(10);
  expect(epochsForNextRun(0.006 * gigabyte, { epochs: 10, seconds: 0.102 })).toBe(10);
  // Nothing to carry: one.
  expect(epochsForNextRun(0, { epochs: 1, seconds: 0.01 })).toBe(1);
});

test("never more than 3 seconds' worth, never none", () => {
  expect(epochsForNextRun(gigabyte, { epochs: 1, seconds: 0.5 + 1 / 3 })).toBe(6);
  expect(epochsForNextRun(gigabyte, { epochs: 1, seconds: 60 })).toBe(1);
});
