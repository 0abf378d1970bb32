import { expect, test } from "vitest";
import { Fitter, flat, type Problem } from "../../src/probe/fit.ts";
import type { LossName } from "../../src/probe/losses.ts";
import { momentsOf, scaling, standardised } from "../../src/probe/moments.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { tensor } from "../../src/util/tensor.ts";
import { apart, matrixOf, witness } from "./witness.ts";

const rows = witness.x.length;
const x = standardised(matrixOf(witness.x));
const all = scaling(momentsOf(x, { count: 1, of: new Int32Array(rows) }), [0]);
const weight = new Float32Array(rows).fill(1 / rows);

async function fitted(loss: LossName, problems: readonly Problem[], of = x) {
  const fitter = await Fitter.open(cpu, loss, of, 1);
  try {
    return await fitter.fit(problems);
  } finally {
    await fitter.release();
  }
}

/** Numbers of mean 0 and variance 1, and how to say them again. */
const center = witness.number.reduce((sum, one) => sum + one / rows, 0);
const spread = Math.sqrt(witness.number.reduce((sum, one) => sum + (one - center) ** 2 / rows, 0));

test("logistic probes are scikit-learn's, at every strength: weights, intercept, objective", async () => {
  const y = Float32Array.from(witness.binary);
  const found = await fitted(
    "logistic",
    witness.optima.logistic.map(({ lambda }) => ({ ...all, y, weight, lambda })),
  );
  witness.optima.logistic.forEach(({ w, b, loss }, i) => {
    expect(found[i]!.slope).toBeLessThanOrEqual(flat);
    expect(Math.abs(found[i]!.loss - loss)).toBeLessThan(1e-6);
    const size = Math.max(...w.map(Math.abs), Math.abs(b));
    expect(apart(found[i]!.w, w) / size).toBeLessThan(2e-3);
    expect(Math.abs(found[i]!.b - b) / size).toBeLessThan(2e-3);
  });
});

test("ridge probes are the closed form's, at every strength", async () => {
  const y = Float32Array.from(witness.number, (one) => (one - center) / spread);
  const found = await fitted(
    "ridge",
    witness.optima.ridge.map(({ lambda }) => ({ ...all, y, weight, lambda })),
  );
  witness.optima.ridge.forEach(({ w, b, loss }, i) => {
    expect(Math.abs(found[i]!.loss * spread ** 2 - loss) / loss).toBeLessThan(1e-5);
    expect(
      apart(
        found[i]!.w.map((one) => one * spread),
        w,
      ) / Math.max(...w.map(Math.abs)),
    ).toBeLessThan(1e-3);
    expect(Math.abs(found[i]!.b * spread + center - b)).toBeLessThan(1e-4);
  });
});

test("one probe trained among others is what it is alone", async () => {
  const problem = (lambda: number, y: readonly number[]) => ({ ...all, y: Float32Array.from(y), weight, lambda });
  const problems = [
    problem(0.01, witness.binary),
    problem(1, witness.binary),
    problem(
      0.1,
      witness.classes.map((one) => Number(one === 2)),
    ),
  ];
  const together = await fitted("logistic", problems);
  for (const [i, one] of problems.entries()) {
    const [alone] = await fitted("logistic", [one]);
    expect(apart(alone!.scores, together[i]!.scores)).toBeLessThan(1e-3);
  }
});

test("a separable label has its optimum too, and steps that are too long are shortened", async () => {
  // Features four times as large as the fitter expects: its first steps make the loss rise.
  const data = Float32Array.from({ length: 400 }, (_, i) => (i % 40 < 2 ? 6 + (i % 3) : 0));
  const of = standardised(tensor("float32", [200, 2], data));
  const y = Float32Array.from({ length: 200 }, (_, row) => Number(data[2 * row]! > 0));
  const scale = new Float32Array(2).fill(4);
  const weight = new Float32Array(200).fill(1 / 200);
  const [found] = await fitted("logistic", [{ y, weight, mean: new Float32Array(2), scale, lambda: 0.01 }], of);
  expect(found!.slope).toBeLessThanOrEqual(flat);
  expect(found!.scores.every((z, row) => z > 0 === y[row]! > 0)).toBe(true);
});
