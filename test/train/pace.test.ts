import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { epochsForNextRun, Pace } from "../../src/train/runs/pace.ts";

const gigabyte = 1e9;

test("as few epochs as keep what crosses to the device below 2 % of the time", () => {
  // 1.2 GB at 6 GB/s are 0.2 s: with epochs of 2 s, 9.8 s of training are five of them; 5 s allow two.
  expect(epochsForNextRun(1.2 * gigabyte, { epochs: 1, seconds: 2.2 }, { on: "gpu" })).toBe(2);
  expect(epochsForNextRun(1.2 * gigabyte, { epochs: 1, seconds: 2.2 }, { on: "gpu", seconds: 60 })).toBe(5);
  // 12 MB: 2 ms, so 98 ms of training: ten epochs of 10 ms.
  expect(epochsForNextRun(0.012 * gigabyte, { epochs: 1, seconds: 0.012 }, { on: "gpu" })).toBe(10);
  expect(epochsForNextRun(0.012 * gigabyte, { epochs: 10, seconds: 0.102 }, { on: "gpu" })).toBe(10);
  // Nothing to carry: one.
  expect(epochsForNextRun(0, { epochs: 1, seconds: 0.01 }, { on: "gpu" })).toBe(1);
});

test("never more than 5 seconds' worth, never none", () => {
  expect(epochsForNextRun(2 * gigabyte, { epochs: 1, seconds: 0.5 + 1 / 3 }, { on: "gpu" })).toBe(10);
  expect(epochsForNextRun(2 * gigabyte, { epochs: 1, seconds: 60 }, { on: "gpu" })).toBe(1);
});

/** What `steps` batches are divided into. */
const divided = (pace: Pace, steps: number): number[] => {
  const bounds = Array.from({ length: steps }, (_, i) => ({ from: i, to: i + 1 }));
  const parts = [...pace.runs({ order: new BigInt64Array(steps), bounds })];
  expect(parts.flatMap(({ bounds }) => bounds)).toEqual(bounds);
  return parts.map(({ bounds }) => bounds.length);
};

const config = trainConfig({ inputDim: 2048, latentDim: 2048, batchSize: 256, options: { k: 4 } });

test("an epoch of the report's grid is one run on a GPU; one that takes longer than 5 s is several, of two sizes at most", () => {
  expect(divided(new Pace(config, { on: "gpu" }), 24)).toEqual([24]);
  const pace = new Pace(config, { on: "cpu" });
  expect(divided(pace, 24)).toEqual([12, 12]);
  pace.took(8, 0.8);
  expect(divided(pace, 24)).toEqual([24]);
  expect(divided(pace, 100)).toEqual([50, 50]);
  expect(divided(pace, 31)).toEqual([31]);
  expect(divided(pace, 61)).toEqual([31, 30]);
});

test("it is kept while it fits, is one step at least, and changes while an epoch is under way", () => {
  const pace = new Pace(config, { on: "cpu" });
  for (const [steps, seconds, kept] of [
    [8, 1.5, 13],
    [8, 1, 40],
    [24, 2, 40],
    [24, 3.1, 38],
    [23, 1, 115],
    [1, 100, 1],
  ] as const) {
    pace.took(steps, seconds);
    expect(divided(pace, 1000 * kept)[0]).toBe(kept);
  }
  // What fits as a whole is not divided.
  pace.took(1, 1);
  expect(divided(pace, 5000)[0]).toBe(5);
  pace.took(3, 1.5);
  expect(divided(pace, 5000)[0]).toBe(5);
  expect([divided(pace, 10), divided(pace, 11)]).toEqual([[10], [4, 7]]);
  pace.took(1, 100);
  const parts = pace.runs({ order: new BigInt64Array(5), bounds: Array(5).fill({ from: 0, to: 1 }) });
  expect(parts.next().value!.bounds.length).toBe(1);
  pace.took(1, 1);
  expect(parts.next().value!.bounds.length).toBe(4);
});
