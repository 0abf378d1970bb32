import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { growForest } from "../../src/data/synthetic/hierarchy.ts";
import { normalQuantile } from "../../src/data/synthetic/quantile.ts";
import { type SynthesisRequest, synthesize, synthesizeShards } from "../../src/data/synthetic/synthesize.ts";
import { zipfProbabilities } from "../../src/data/synthetic/synthSaeBench.ts";
import { spreadRows } from "../../src/data/synthetic/tightFrame.ts";
import { unitRows } from "../../src/data/synthetic/unitRows.ts";
import { random } from "../../src/util/random.ts";

/** What SAELens's own generator does with the same numbers. */
interface Witness {
  readonly samples: number;
  readonly sizes: {
    readonly features: number;
    readonly roots: number;
    readonly branching: number;
    readonly depth: number;
  };
  readonly numbers: SynthesisRequest;
  readonly cases: readonly {
    readonly childScale: number;
    readonly correlationScale: number;
    readonly frequency: readonly number[];
    readonly magnitude: readonly number[];
    readonly activeMean: number;
    readonly activeVariance: number;
  }[];
}
const witness = JSON.parse(
  readFileSync(new URL("../fixtures/saelens-synthetic.json", import.meta.url), "utf8"),
) as Witness;

const small = { rows: 600, inputDim: 24, features: 60, roots: 4, branching: 2, depth: 2 };
const make = (change: SynthesisRequest = {}) => synthesize({ ...small, ...change }, "synthsaebench");

/** The true features of each row. */
function activeOf({ trueActive }: ReturnType<typeof synthesize>): number[][] {
  const [rows, most] = trueActive!.dims as [number, number];
  return Array.from({ length: rows }, (_, row) =>
    Array.from(trueActive!.data.subarray(row * most, (row + 1) * most)).filter((feature) => feature >= 0),
  );
}

describe.each(witness.cases)("against SAELens: child scale $childScale, correlation $correlationScale", (expected) => {
  const rows = 60_000;
  // As wide as the dictionary, whose rows are then orthogonal: a row's projections are its magnitudes.
  const { features } = witness.sizes;
  const { inputDim: _, ...sizes } = witness.sizes as Witness["sizes"] & { inputDim: number };
  const made = make({
    ...{ ...sizes, ...witness.numbers, rows, inputDim: features, bias: 0, spreadSteps: 30 },
    ...{ childScale: expected.childScale, correlationScale: expected.correlationScale, correlationRank: 5 },
    ...{ deviationMean: 0.5, deviationSpread: 0 },
  });
  const active = activeOf(made);

  test("each feature fires as often", () => {
    const frequency = new Float64Array(features);
    for (const row of active) for (const feature of row) frequency[feature]! += 1 / rows;
    for (const [feature, p] of expected.frequency.entries()) {
      const deviation = Math.sqrt(p * (1 - p) * (1 / rows + 1 / witness.samples));
      // The hidden causes of the two are not the same ones; how siblings and parents meet depends on them a little.
      const slack = expected.correlationScale > 0 ? 0.15 * p : 0;
      expect(Math.abs(frequency[feature]! - p), `feature ${feature}`).toBeLessThan(4.5 * deviation + slack);
    }
  });

  test("rows have as many features, and vary as much", () => {
    const counts = active.map(({ length }) => length);
    const mean = counts.reduce((sum, n) => sum + n, 0) / rows;
    const variance = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (rows - 1);
    expect(mean / expected.activeMean).toBeCloseTo(1, expected.correlationScale > 0 ? 1 : 2);
    expect(variance / expected.activeVariance).toBeCloseTo(1, 1);
  });

  test("with the same magnitudes", () => {
    const { data } = made.activations;
    const sums = new Float64Array(features);
    const times = new Float64Array(features);
    active.forEach((row, i) => {
      for (const feature of row) {
        times[feature]!++;
        for (let d = 0; d < features; d++)
          sums[feature]! += data[i * features + d]! * made.trueFeatures.data[feature * features + d]!;
      }
    });
    for (const [feature, magnitude] of expected.magnitude.entries())
      expect(Math.abs(sums[feature]! / times[feature]! - magnitude), `feature ${feature}`).toBeLessThan(
        4.5 * (expected.childScale === 1 ? 1.2 : 0.55) * Math.sqrt(2 / times[feature]!),
      );
  });
});

test("correlated features fire together more than independent ones", () => {
  const spread = (correlationScale: number) => {
    const counts = activeOf(make({ rows: 20_000, roots: 0, correlationScale })).map(({ length }) => length);
    const mean = counts.reduce((sum, n) => sum + n, 0) / counts.length;
    return counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / counts.length / mean;
  };
  expect(spread(0.2)).toBeGreaterThan(1.1 * spread(0));
});

test("a feature fires only with its parent, and one child of a parent at a time", () => {
  const made = make({ rows: 5000, maxProbability: 0.9, minProbability: 0.3 });
  const parents = made.trueParents!.data;
  expect([...parents.slice(0, 14)]).toEqual([-1, -1, -1, -1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
  let children = 0;
  for (const row of activeOf(made)) {
    const taken = row.map((feature) => parents[feature]!).filter((parent) => parent >= 0);
    children += taken.length;
    expect(new Set(taken).size).toBe(taken.length);
    for (const parent of taken) expect(row).toContain(parent);
  }
  expect(children).toBeGreaterThan(10_000);
});

test("a row is its features with positive magnitudes, and the constant row", () => {
  const made = make({ inputDim: 60, spreadSteps: 30, bias: 0, deviationMean: 0, deviationSpread: 0 });
  const { data } = made.trueFeatures;
  activeOf(made).forEach((row, i) => {
    const expected = new Float64Array(60);
    for (const feature of row)
      for (let d = 0; d < 60; d++) expected[d]! += (5 - feature / 59) * data[feature * 60 + d]!;
    for (let d = 0; d < 60; d++) expect(made.activations.data[i * 60 + d]).toBeCloseTo(expected[d]!, 4);
  });
  const constant = make({ bias: 7, maxProbability: 2e-6, minProbability: 1e-6, roots: 0, rows: 2 });
  expect(Math.hypot(...constant.activations.data.subarray(0, 24))).toBeCloseTo(7, 5);
});

test("shards have one dictionary, and the first is what fewer rows would be", () => {
  const shards = [...synthesizeShards(small, 3, "synthsaebench")];
  expect(shards.map(({ activations }) => activations.dims[0])).toEqual([200, 200, 200]);
  expect(shards[2]!.trueFeatures).toEqual(shards[0]!.trueFeatures);
  expect(make({ rows: 200, trainRows: 199 }).activations).toEqual(shards[0]!.activations);
  expect(shards[1]!.activations.data).not.toEqual(shards[0]!.activations.data);
});

test("the quantile is the normal one", () => {
  // Python's statistics.NormalDist().inv_cdf.
  for (const [p, z] of [
    [1e-20, -9.26234008979841],
    [1e-9, -5.997807015007687],
    [5e-4, -3.290526731491895],
    [0.074, -1.4466320671589785],
    [0.0751, -1.4388253927525398],
    [0.3, -0.5244005127080407],
    [0.5, 0],
    [0.99999, 4.26489079392384],
  ] as const)
    expect(Math.abs(normalQuantile(p) - z)).toBeLessThanOrEqual(2e-7 * Math.abs(z));
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
});

test("at the published sizes, frequencies and number of features are the published ones", () => {
  const p = zipfProbabilities({ features: 16_384, zipfExponent: 0.5, minProbability: 5e-4, maxProbability: 0.4 });
  expect([p[0], p.at(-1)]).toEqual([0.4, expect.closeTo(5e-4, 12)]);
  const { parents } = growForest(16_384, { roots: 128, branching: 4, depth: 3 });
  expect(parents.filter((parent) => parent >= 0)).toHaveLength(128 * 84);
  // "~34 active features per sample". Their number does not depend on the width.
  const active = activeOf(synthesize({ rows: 2000, inputDim: 2, spreadSteps: 0 }, "synthsaebench"));
  const mean = active.reduce((sum, { length }) => sum + length, 0) / active.length;
  expect(mean).toBeGreaterThan(33);
  expect(mean).toBeLessThan(35);
});

test("spreading makes the rows a tight frame, or orthogonal where there is room", () => {
  for (const [count, width] of [
    [90, 20],
    [20, 30],
  ] as const) {
    const rows = unitRows(count, width, random(1, "test"));
    spreadRows(rows, 40);
    const [n, m] = count > width ? [width, count] : [count, width];
    const entry = (i: number, j: number) => {
      let sum = 0;
      for (let r = 0; r < m; r++)
        sum +=
          count > width
            ? rows.data[r * width + i]! * rows.data[r * width + j]!
            : rows.data[i * width + r]! * rows.data[j * width + r]!;
      return sum;
    };
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) expect(entry(i, j)).toBeCloseTo(i === j ? Math.max(count / width, 1) : 0, 3);
  }
});

test.each([
  [{ roots: 61 }, "roots must be at most features = 60, got 61"],
  [{ minProbability: 0.4 }, "minProbability must be below maxProbability = 0.4, got 0.4"],
  [{ branching: 2.5 }, "branching must be an integer from 2 to 1000000, got 2.5"],
  [{ noise: 1 }, "noise is no number of the recipe synthsaebench; it has zipfExponent"],
  [{ features: 10_000_000, inputDim: 768 }, "more than 536870912 numbers; ask for fewer"],
])("%o is refused", (change, message) => {
  expect(() => make(change)).toThrow(message);
});
