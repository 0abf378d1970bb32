import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tensor } from "../../src/util/tensor.ts";
import { measure } from "./measure.ts";

interface Case {
  readonly x: number[];
  readonly xHat: number[];
  readonly z: number[];
  readonly rows: number;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Numbers by numpy in float64; `test/fixtures/metrics_witness.py` makes them. */
const { outputDim, latentDim, cases } = JSON.parse(readFileSync("test/fixtures/metrics-witness.json", "utf8")) as {
  outputDim: number;
  latentDim: number;
  cases: Readonly<Record<string, Case>>;
};

test.each(Object.entries(cases))("%s: every metric is numpy's", async (_, { x, xHat, z, rows, metrics: expected }) => {
  const of = (numbers: number[], width: number) => tensor("float32", [rows, width], Float32Array.from(numbers));
  const seen = { x: of(x, outputDim), xHat: of(xHat, outputDim), z: of(z, latentDim) };
  const { metrics, nullReasons } = await measure(seen, { batchSize: 7 });
  for (const [key, value] of Object.entries(expected)) {
    const found = metrics[key];
    if (value === null) expect([found, nullReasons[key]], key).toEqual([null, expect.stringMatching(/[a-z]/)]);
    else expect(Math.abs(found! - value), `${key} ${found} ${value}`).toBeLessThanOrEqual(1e-6 * Math.abs(value));
    if (key.includes("explained_variance")) expect(found ?? 0).toBeLessThanOrEqual(1);
  }
});
