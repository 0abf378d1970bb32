import { expect, test } from "vitest";
import { synthesize } from "../../src/data/synthetic/synthesize.ts";
import { probe } from "../../src/probe/probe.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";

const rows = 2000;
const { activations, trueActive } = synthesize(
  { rows, inputDim: 48, features: 64, roots: 8, seed: 3 },
  "synthsaebench",
);
const most = trueActive!.dims[1]!;
const firesIn = (row: number, feature: number) =>
  trueActive!.data.subarray(row * most, (row + 1) * most).includes(feature);

/** A feature in about one row of ten. */
const feature = Array.from({ length: 64 }, (_, f) => f).find((f) => {
  const share = Array.from({ length: rows }, (_, row) => Number(firesIn(row, f))).reduce((a, b) => a + b) / rows;
  return share > 0.05 && share < 0.15;
})!;

const label = Uint8Array.from({ length: rows }, (_, row) => Number(firesIn(row, feature)));

test("a probe finds a planted label, and nothing in shuffled ones", { timeout: 180_000 }, async () => {
  const file = await probe(cpu, { activations, label, threads: 1 });
  expect(file.label).toMatchObject({ kind: "binary", classes: { 1: label.reduce((sum, one) => sum + one, 0) } });
  const [found] = file.rows;
  expect(found!.measures.auc!.value).toBeGreaterThan(0.95);
  expect(found!.measures.auc!.low).toBeGreaterThan(0.9);
  expect(Math.abs(found!.control - 0.5)).toBeLessThan(0.03);
  expect(found!.unfinished).toBe(0);
  expect(found!.kept).toEqual({ value: 1, low: 1, high: 1 });
});
