import { describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { splitRows } from "../../src/data/split.ts";
import { recipes } from "../../src/data/synthetic/index.ts";
import { firingProbabilities, rotation } from "../../src/data/synthetic/standIn.ts";
import { type SynthesisRequest, synthesize } from "../../src/data/synthetic/synthesize.ts";
import { random } from "../../src/util/random.ts";
import { complaint } from "./helpers.ts";

const small = { rows: 400, inputDim: 48, features: 60, meanActive: 4, seed: 1 };
const of = (change: SynthesisRequest = {}) => synthesize({ ...small, ...change });

/** Mean and variance over all entries, and the column means, by their definitions. */
function statistics({ data, dims }: { data: Float32Array; dims: readonly number[] }) {
  const [rows, width] = dims as [number, number];
  const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
  const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length;
  const columns = Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += data[row * width + i]!;
    return sum / rows;
  });
  return { mean, variance, columns };
}
const varianceOf = (numbers: readonly number[]): number => {
  const mean = numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  return numbers.reduce((sum, v) => sum + (v - mean) ** 2, 0) / numbers.length;
};

describe("a random rotation", () => {
  test.each([2, 3, 7, 48, 129])("of width %d is orthogonal to 1e-12, and keeps no direction", (width) => {
    const rotate = rotation(width, random(5, "test"));
    const columns = Array.from({ length: width }, (_, i) => {
      const unit = new Float64Array(width);
      unit[i] = 1;
      rotate(unit);
      return unit;
    });
    const off = columns.flatMap((a, i) =>
      columns.map((b, j) => Math.abs(a.reduce((sum, v, n) => sum + v * b[n]!, 0) - (i === j ? 1 : 0))),
    );
    expect(off.reduce((largest, one) => Math.max(largest, one), 0)).toBeLessThan(1e-12);
    if (width >= 48) for (const column of columns) expect(Math.max(...column.map(Math.abs))).toBeLessThan(0.9);
  });

  test("spreads a direction as a uniform one: fourth moments of its entries are 3 / (n (n + 2))", () => {
    const width = 256;
    const fourth = Array.from({ length: 200 }, (_, seed) => {
      const row = new Float64Array(width);
      row[seed] = 1;
      rotation(width, random(seed, "test"))(row);
      return row.reduce((sum, v) => sum + v ** 4, 0) / width;
    });
    const mean = (fourth.reduce((sum, v) => sum + v, 0) / fourth.length) * width * (width + 2);
    expect(mean).toBeGreaterThan(2.8);
    expect(mean).toBeLessThan(3.2);
  });
});

describe("firing probabilities", () => {
  test("fall as 1 / f below the cut, and add up to the mean number of features", () => {
    const parameters = { ...recipeDefaults(), features: 2048 };
    const p = firingProbabilities(parameters);
    expect(p.reduce((sum, v) => sum + v, 0)).toBeCloseTo(20, 9);
    expect(Math.max(...p)).toBe(0.9);
    expect(p[99]! / p[1999]!).toBeCloseTo(20, 9);
  });

  test("features fire that often", () => {
    // One feature and nothing else: its projections take two values.
    const { activations, trueFeatures } = synthesize({
      ...{ rows: 4000, inputDim: 20, features: 1, meanActive: 0.3, magnitudeSpread: 0, denseShare: 0, noise: 0 },
      meanShare: 0,
    });
    const projections = rowsOf(activations).map((row) => dot(row, rowsOf(trueFeatures)[0]!));
    const middle = (Math.max(...projections) + Math.min(...projections)) / 2;
    const fired = projections.filter((v) => v > middle).length / projections.length;
    // Four standard deviations of 4,000 draws.
    expect(Math.abs(fired - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 4000));
  });
});

const recipeDefaults = () =>
  Object.fromEntries(
    Object.entries(recipes["stand-in"].numbers).map(([name, { default: value }]) => [name, value]),
  ) as {
    [name in "features" | "meanActive" | "maxProbability"]: number;
  };
const rowsOf = ({ data, dims }: { data: Float32Array; dims: readonly number[] }) =>
  Array.from({ length: dims[0]! }, (_, row) => data.subarray(row * dims[1]!, (row + 1) * dims[1]!));
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

describe("what it makes", () => {
  const made = of();
  test("has the variance asked for, of which the constant row is its share", () => {
    const { variance, columns } = statistics(made.activations);
    expect(variance / 0.43).toBeGreaterThan(0.97);
    expect(variance / 0.43).toBeLessThan(1.03);
    expect(varianceOf(columns) / 0.43).toBeCloseTo(0.47, 1);
    const { variance: other, columns: flat } = statistics(of({ variance: 7, meanShare: 0 }).activations);
    expect(other).toBeCloseTo(7, 4);
    expect(varianceOf(flat)).toBeLessThan(0.01);
  });

  test("has a constant row with outlier dimensions that hold their share of its squared length", () => {
    const squares = (change: SynthesisRequest) =>
      statistics(of({ variance: 1, meanShare: 0.9, ...change }).activations)
        .columns.map((v) => v * v)
        .sort((a, b) => b - a);
    const shareOf = (count: number, all: readonly number[]) =>
      all.slice(0, count).reduce((sum, v) => sum + v, 0) / all.reduce((sum, v) => sum + v, 0);
    const three = squares({ outliers: 3, outlierShare: 0.8 });
    // Centring and the rows' own mean move the shares a little.
    expect(Math.abs(shareOf(3, three) - 0.8)).toBeLessThan(0.05);
    expect(three[2]! / three[3]!).toBeGreaterThan(2);
    expect(shareOf(3, squares({ outliers: 0 }))).toBeLessThan(0.5);
  });

  test("has the shape asked for, unit true features, and a split after the training rows", () => {
    expect(made.activations.dims).toEqual([400, 48]);
    expect(made.trueFeatures.dims).toEqual([60, 48]);
    for (const feature of rowsOf(made.trueFeatures)) expect(dot(feature, feature)).toBeCloseTo(1, 6);
    expect(made.split.data.indexOf(1)).toBe(320);
    expect(of({ trainRows: 399 }).split.data.indexOf(1)).toBe(399);
  });

  test("is the same for the same seed, another for another, and keeps its dictionary when there are more rows", () => {
    expect(of()).toEqual(made);
    const other = of({ seed: 2 });
    expect(other.activations.data).not.toEqual(made.activations.data);
    expect(other.trueFeatures.data).not.toEqual(made.trueFeatures.data);
    expect(of({ rows: 500 }).trueFeatures).toEqual(made.trueFeatures);
  });

  test("without dense part and noise is spanned by the true features", () => {
    const { activations, trueFeatures } = of({ features: 5, meanActive: 2, denseShare: 0, noise: 0, meanShare: 0 });
    const basis = orthonormal(rowsOf(trueFeatures));
    for (const row of rowsOf(activations)) {
      const inside = basis.reduce((sum, b) => sum + dot(b, row) ** 2, 0);
      expect(Math.abs(1 - inside / dot(row, row))).toBeLessThan(1e-5);
    }
  });

  test("with the dense part alone has variances falling as j^(-2 denseExponent), in directions unlike the axes", () => {
    const request = { rows: 4000, inputDim: 16, denseShare: 1, noise: 0, meanShare: 0, denseExponent: 1 };
    const { activations } = of(request);
    const trace = statistics(activations).variance * 16;
    // The largest eigenvalue of the covariance by power iteration, against 1 / sum of j^-2.
    let v = Float32Array.from({ length: 16 }, (_, i) => 1 + i / 16);
    let largest = 0;
    for (let step = 0; step < 60; step++) {
      const next = new Float32Array(16);
      for (const row of rowsOf(activations)) {
        const size = dot(row, v) / 4000;
        for (let i = 0; i < 16; i++) next[i]! += size * row[i]!;
      }
      largest = Math.sqrt(dot(next, next));
      v = next.map((one) => one / largest);
    }
    const expected = 1 / Array.from({ length: 16 }, (_, j) => (j + 1) ** -2).reduce((sum, one) => sum + one, 0);
    expect(largest / trace / expected).toBeGreaterThan(0.93);
    expect(largest / trace / expected).toBeLessThan(1.07);
    expect(Math.max(...v.map(Math.abs))).toBeLessThan(0.95);
  });

  test("is read back as an activation set with its dictionary and split", () => {
    const { activations, split, trueFeatures } = made;
    const tensors = { activations, split, true_features: trueFeatures };
    const set = parseActivations(writeSafetensors(tensors, { synthetic: "true" }), "a.safetensors");
    expect(set.truth).toEqual({ features: trueFeatures });
    expect(splitRows(set).train).toHaveLength(320);
    const unnamed = writeSafetensors({ acts: activations, true_features: trueFeatures });
    expect(parseActivations(unnamed, "a.safetensors")).toMatchObject({
      activations,
      truth: { features: trueFeatures },
    });
    const narrow = { ...tensors, true_features: { ...trueFeatures, dims: [120, 24] } };
    expect(complaint(() => parseActivations(writeSafetensors(narrow), "a.safetensors"))).toBe(
      'a.safetensors: tensor "true_features": shape [120, 24], the known dictionary of these activations is [features, 48]; rename it if it is something else',
    );
  });
});

test("a default that is more than the sizes allow follows them; what is given does not", () => {
  const { parameters } = synthesize({ rows: 50, inputDim: 2, features: 3 });
  expect(parameters).toMatchObject({ outliers: 1, meanActive: 0.9 * 3 });
  expect(synthesize({ rows: 50, inputDim: 4, features: 10, maxProbability: 0.5 }).parameters.meanActive).toBe(5);
  expect(synthesize({ rows: 50, inputDim: 4, features: 24 }).parameters.meanActive).toBe(20);
  expect(synthesize({ rows: 50, inputDim: 4, features: 24 }, "synthsaebench").parameters.roots).toBe(24);
});

test.each<[SynthesisRequest, RegExp]>([
  [{ rows: 1.5 }, /^synthesize: rows must be an integer of at least 2, got 1.5$/],
  [{ trainRows: 400 }, /trainRows must be from 1 to 399 of 400 rows, got 400/],
  [{ noise: Number.NaN }, /noise must be a number from 0 to 10, got NaN/],
  [{ meanActive: 55 }, /55 features cannot fire per row, 60 with probability at most 0.9 give 54; lower meanActive/],
  [{ rows: 3, meanActive: 0.01, denseShare: 0, noise: 0 }, /no feature fires in some of 3 rows and not in others/],
  [{ outliers: 48 }, /outliers must be an integer from 0 to 47, below inputDim, got 48/],
  [{ rows: 2 ** 30 }, /rows = 1073741824 by inputDim = 48 are more than 536870912 numbers; ask for fewer/],
])("%o is refused", (change, message) => expect(complaint(() => of(change))).toMatch(message));

/** Gram-Schmidt, twice for accuracy. */
function orthonormal(rows: readonly Float32Array[]): Float32Array[] {
  const basis: Float32Array[] = [];
  for (const row of rows) {
    let rest = row;
    for (const b of [...basis, ...basis]) {
      const size = dot(b, rest);
      rest = rest.map((v, i) => v - size * b[i]!);
    }
    const length = Math.sqrt(dot(rest, rest));
    basis.push(rest.map((v) => v / length));
  }
  return basis;
}
