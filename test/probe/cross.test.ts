import { describe, expect, test } from "vitest";
import { crossValidate } from "../../src/probe/cross.ts";
import { targetOf } from "../../src/probe/label.ts";
import { measurerOf } from "../../src/probe/measures.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { apart, matrixOf, witness } from "./witness.ts";

const folds = { count: 5, of: Int32Array.from(witness.folds) };
const x = matrixOf(witness.x);
const rows = witness.x.length;
const once = new Float64Array(rows).fill(1);
const center = witness.number.reduce((sum, one) => sum + one / rows, 0);
const spread = Math.sqrt(witness.number.reduce((sum, one) => sum + (one - center) ** 2 / rows, 0));

describe("cross-validation is scikit-learn's, step by step", () => {
  test.each(Object.entries(witness.cross))("%s: strengths, features, scores, measures", async (name, wanted) => {
    const label = name.split(",")[0] as "binary" | "classes" | "number";
    const target = targetOf(witness[label], label, "file");
    const isNumber = target.kind === "number";
    const targets = wanted.scores.map((_, probe) =>
      Float32Array.from(witness[label], (value) =>
        isNumber ? (value - center) / spread : Number(value === (wanted.scores.length === 1 ? 1 : probe)),
      ),
    );
    const found = await crossValidate({
      ...{ runtime: cpu, threads: 1, loss: isNumber ? "ridge" : "logistic", x, targets, shuffled: [], folds },
      best: wanted.best,
    });
    expect(found.unfinished).toBe(0);
    expect(found.strengths).toEqual(wanted.strengths);
    expect(found.chosen).toEqual(wanted.chosen);
    const scores = found.scores.map((own) => (isNumber ? own.map((z) => z * spread + center) : own));
    for (const [probe, own] of wanted.scores.entries()) expect(apart(scores[probe]!, own)).toBeLessThan(2e-3);
    const measures = measurerOf(target, scores, folds)(once);
    expect(Object.keys(measures)).toEqual(Object.keys(wanted.measures));
    for (const [measure, value] of Object.entries(wanted.measures))
      expect(measures[measure], measure).toBeCloseTo(value, 3);
  });
});
