import { expect, test } from "vitest";
import { metricKeys } from "../../src/metrics/index.ts";
import { matrix, measure, type Seen } from "./measure.ts";

/** x = [1 3; 5 7]: one mean 4, sum of squares about it 9 + 1 + 1 + 9 = 20; mean row [3 5], squares about it 4 + 4 + 4 + 4 = 16. */
const x = matrix([
  [1, 3],
  [5, 7],
]);
const z = matrix([
  [2, 0, -1],
  [0, 0, 4],
]);

const nothing = Object.fromEntries(Object.keys(metricKeys).map((key) => [key, null]));
const closeTo = (expected: Readonly<Record<string, number | null>>) =>
  Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [key, value === null ? null : expect.closeTo(value, 6)]),
  );

const cases: Record<string, { seen: Seen; expected: Readonly<Record<string, number | null>> }> = {
  perfect: {
    seen: { x, xHat: x, z },
    expected: {
      explained_variance: 1,
      explained_variance_centered: 1,
      mean_predictor_explained_variance: 1 - 16 / 20,
      mean_predictor_explained_variance_centered: 0,
      reconstruction_loss: 0,
      cosine_similarity: 1,
      l0_mean: 1.5,
      l0_std: Math.SQRT1_2, // counts 2 and 1: sqrt((0.25 + 0.25) / 1)
      mean_activation: 7 / 3,
      max_activation: 4,
      median_activation: 2,
      feature_death_rate: 1 / 3,
      num_dead_features: 1,
      num_active_features: 2,
    },
  },
  "the mean row": {
    seen: {
      x,
      xHat: matrix([
        [3, 5],
        [3, 5],
      ]),
      z,
    },
    expected: {
      explained_variance: 0.2,
      explained_variance_centered: 0,
      reconstruction_loss: 4,
      // (3 + 15) / (sqrt 10 sqrt 34) and (15 + 35) / (sqrt 74 sqrt 34)
      cosine_similarity: (18 / Math.sqrt(340) + 50 / Math.sqrt(2516)) / 2,
    },
  },
  "one constant": {
    seen: {
      x,
      xHat: matrix([
        [4, 4],
        [4, 4],
      ]),
      z,
    },
    expected: { explained_variance: 0, explained_variance_centered: 1 - 20 / 16, reconstruction_loss: 5 },
  },
  "off by one everywhere": {
    seen: {
      x,
      xHat: matrix([
        [2, 4],
        [6, 8],
      ]),
      z,
    },
    // The residual is constant: no variance left, though nothing is rebuilt exactly.
    expected: { explained_variance: 1, explained_variance_centered: 1 - 4 / 16, reconstruction_loss: 1 },
  },
  "zero reconstruction": {
    seen: {
      x,
      xHat: matrix([
        [0, 0],
        [0, 0],
      ]),
      z,
    },
    expected: {
      explained_variance: 0,
      explained_variance_centered: 1 - 84 / 16,
      reconstruction_loss: 21,
      cosine_similarity: 0,
    },
  },
  "no latent fires": {
    seen: {
      x,
      xHat: x,
      z: matrix([
        [0, 0, 0],
        [0, 0, 0],
      ]),
    },
    expected: {
      ...{ l0_mean: 0, l0_std: 0, mean_activation: null, max_activation: null, median_activation: null },
      ...{ feature_death_rate: 1, num_dead_features: 3, num_active_features: 0 },
    },
  },
  "one row": {
    seen: { x: matrix([[1, 3]]), xHat: matrix([[1, 2]]), z: matrix([[2, 0, -1]]) },
    expected: {
      explained_variance: 1 - 0.5 / 2,
      // About its own mean row a single row does not vary.
      ...{
        explained_variance_centered: null,
        mean_predictor_explained_variance: 1,
        mean_predictor_explained_variance_centered: null,
      },
      ...{ reconstruction_loss: 0.5, cosine_similarity: 7 / Math.sqrt(50), l0_mean: 2, l0_std: 0 },
      // Of two magnitudes the lower is the median, as torch has it.
      ...{ mean_activation: 1.5, max_activation: 2, median_activation: 1, feature_death_rate: 1 / 3 },
    },
  },
  "rows almost zero": {
    // A cosine does not depend on lengths, however small.
    seen: {
      x: matrix([
        [1e-5, 0],
        [1, 0],
      ]),
      xHat: matrix([
        [1e-5, 0],
        [1, 0],
      ]),
      z,
    },
    expected: { cosine_similarity: 1, l2_ratio: 1 },
  },
  "constant activations": {
    seen: {
      x: matrix([
        [2, 2],
        [2, 2],
      ]),
      xHat: matrix([
        [2, 2],
        [2, 2],
      ]),
      z,
    },
    expected: {
      explained_variance: null,
      explained_variance_centered: null,
      mean_predictor_explained_variance: null,
      reconstruction_loss: 0,
    },
  },
  "no rows": { seen: { x: matrix([]), xHat: matrix([]), z: matrix([]) }, expected: nothing },
};

test.each(Object.entries(cases))("%s", async (_, { seen, expected }) => {
  const dims = (one: Seen["x"], width: number) => (one.dims[0] === 0 ? { ...one, dims: [0, width] } : one);
  const { metrics } = await measure({ x: dims(seen.x, 2), xHat: dims(seen.xHat, 2), z: dims(seen.z, 3) });
  expect(metrics).toMatchObject(closeTo(expected));
  expect(Object.keys(metrics)).toEqual(Object.keys(metricKeys));
});

test("the kept latents alone give the same as all of them", async () => {
  const seen = { x, xHat: x, z };
  const { metrics } = await measure({
    ...seen,
    top: matrix([
      [2, -1],
      [4, 0],
    ]),
  });
  expect(metrics).toEqual((await measure(seen)).metrics);
});

test("per latent: frequency, mean and largest magnitude", async () => {
  const { latents } = await measure({ x, xHat: x, z });
  expect(latents).toEqual({
    frequency: Float64Array.of(0.5, 0, 1),
    mean_activation: Float64Array.of(2, 0, 2.5),
    max_activation: Float64Array.of(2, 0, 4),
  });
});
