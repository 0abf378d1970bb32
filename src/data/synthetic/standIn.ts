import { ConfigError } from "../../util/errors.ts";
import { permutation, type Random, random } from "../../util/random.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { defineRecipe, type RecipeNumbers, type RecipeValues } from "./recipe.ts";
import { unitRows } from "./unitRows.ts";

const numbers = {
  variance: { default: 0.43, min: 1e-12, max: 1e12, describe: "variance over all entries" },
  meanShare: { default: 0.47, min: 0, max: 0.99, describe: "share of the variance that is one constant row" },
  outliers: {
    default: 2,
    min: 0,
    max: 1e6,
    integer: true,
    fits: ({ inputDim }) => inputDim! - 1,
    describe: "dimensions in which the constant row is far larger",
  },
  outlierShare: { default: 0.55, min: 0, max: 0.99, describe: "their share of the constant row's squared length" },
  denseShare: { default: 0.5, min: 0, max: 1, describe: "share of the rest that is dense, not made of true features" },
  denseExponent: { default: 0.8, min: 0, max: 10, describe: "direction j of the dense part has deviation j^-this" },
  meanActive: {
    default: 20,
    min: 0.01,
    max: 1e6,
    fits: ({ maxProbability, features }) => maxProbability! * features!,
    describe: "true features that fire per row, on average",
  },
  maxProbability: { default: 0.9, min: 0.01, max: 1, describe: "at most this share of rows has a feature" },
  magnitudeSpread: { default: 0.7, min: 0, max: 3, describe: "a feature's magnitudes are e^(this times normal)" },
  noise: { default: 0.2, min: 0, max: 10, describe: "deviation of white noise, over that of the varying part" },
} as const satisfies RecipeNumbers;

type Values = RecipeValues<typeof numbers>;

/** What is measured on the first shard and holds for all: the shares of the parts, the column means, the noise, the scale. */
interface Calibration {
  readonly denseWeight: number;
  readonly sparseWeight: number;
  readonly columnMeans: Float64Array;
  readonly deviation: number;
  readonly scale: number;
}

/**
 * Activations like those of the experiment's language model. Its numbers were fitted to the experiment (layer 14, position 3);
 * bench/README.md compares the SAEs trained on both.
 *
 *     X = D1 + D2      D1 = Z Q', Q a random rotation, Z normal with deviation j^-denseExponent in direction j
 *                      D2 = A W, W unit rows; feature f fires with probability ~ 1/f, with magnitude e^(magnitudeSpread normal)
 *
 * D1 and D2 have the shares `denseShare` and the rest of X's variance; X's columns are centred, white noise is added, and one
 * constant row of the share `meanShare`, normal but for a few outlier dimensions: without them an SAE's activations come out less
 * than half as large. Weights and centre are those of the first shard.
 */
export const standIn = defineRecipe({
  source: "a stand-in for the experiment's activations: Zipf features, a dense part, a constant row, noise",
  sizes: { rows: 7473, inputDim: 2048, features: 2048 },
  numbers,
  check({ outliers, inputDim, meanActive, maxProbability, features }) {
    if (outliers >= inputDim)
      throw new ConfigError(
        `synthesize: outliers must be an integer from 0 to ${inputDim - 1}, below inputDim, got ${outliers}`,
      );
    if (meanActive > maxProbability * features)
      throw new ConfigError(
        `synthesize: ${meanActive} features cannot fire per row, ${features} with probability at most ${maxProbability} give ${maxProbability * features}; lower meanActive or use more features`,
      );
  },
  open(values) {
    const { inputDim, features, seed } = values;
    const trueFeatures = unitRows(features, inputDim, random(seed, "synthetic/features"));
    const mean = constantRow(values);
    const rotate = rotation(inputDim, random(seed, "synthetic/rotation"));
    let calibration: Calibration | undefined;
    return {
      trueFeatures,
      shard(count, shard) {
        const stream = (purpose: string) => random(seed, `synthetic/${purpose}${shard === 0 ? "" : `/${shard}`}`);
        const x = sparsePart(trueFeatures, { ...values, rows: count }, stream("firing"));
        const dense = densePart({ ...values, rows: count }, rotate, stream("dense"));
        const { denseWeight, sparseWeight } = calibration ?? {
          denseWeight: weight(values.denseShare, variance(dense)),
          sparseWeight: weight(1 - values.denseShare, variance(x)),
        };
        for (let i = 0; i < x.length; i++) x[i] = denseWeight * dense[i]! + sparseWeight * x[i]!;
        const columnMeans = calibration?.columnMeans ?? columnMeansOf(x, inputDim);
        for (let at = 0; at < x.length; at += inputDim)
          for (let i = 0; i < inputDim; i++) x[at + i]! -= columnMeans[i]!;
        const spread = calibration ? Number.NaN : variance(x);
        if (spread === 0)
          throw new ConfigError(
            `synthesize: no feature fires in some of ${count} rows and not in others; raise rows, meanActive or denseShare`,
          );
        const deviation = calibration?.deviation ?? values.noise * Math.sqrt(spread);
        const noise = stream("noise");
        for (let i = 0; i < x.length; i++) x[i]! += deviation * noise.normal();
        const scale = calibration?.scale ?? Math.sqrt(((1 - values.meanShare) * values.variance) / variance(x));
        for (let at = 0; at < x.length; at += inputDim)
          for (let i = 0; i < inputDim; i++) x[at + i] = scale * x[at + i]! + mean[i]!;
        calibration = { denseWeight, sparseWeight, columnMeans, deviation, scale };
        return { x };
      },
    };
  },
});

/** What gives a part of this variance its share; 0 where there is nothing to scale. */
const weight = (share: number, variance: number): number => (variance === 0 ? 0 : Math.sqrt(share / variance));

/** The probability of each feature: `c / f`, cut at `maxProbability`, with the `c` that lets `meanActive` fire on average. */
export function firingProbabilities({
  features,
  meanActive,
  maxProbability,
}: Pick<Values, "features" | "meanActive" | "maxProbability">) {
  const probabilities = (c: number) =>
    Float64Array.from({ length: features }, (_, f) => Math.min(maxProbability, c / (f + 1)));
  let [low, high] = [0, maxProbability * features];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (probabilities(middle).reduce((sum, p) => sum + p, 0) < meanActive) low = middle;
    else high = middle;
  }
  return probabilities(high);
}

/** D2 = A W, `[rows, inputDim]`. */
function sparsePart(
  { data: features }: HostTensor<"float32">,
  parameters: Values,
  rng: Random,
): Float32Array<ArrayBuffer> {
  const { rows, inputDim, magnitudeSpread } = parameters;
  const probabilities = firingProbabilities(parameters);
  const x = new Float32Array(rows * inputDim);
  for (let at = 0; at < x.length; at += inputDim) {
    const row = x.subarray(at, at + inputDim);
    for (let f = 0; f < probabilities.length; f++) {
      if (rng.uniform() >= probabilities[f]!) continue;
      const magnitude = Math.exp(magnitudeSpread * rng.normal());
      const feature = f * inputDim;
      for (let i = 0; i < inputDim; i++) row[i]! += magnitude * features[feature + i]!;
    }
  }
  return x;
}

/** D1 = Z Q', `[rows, inputDim]`. */
function densePart(
  { rows, inputDim, denseExponent }: Values,
  rotate: (row: Float64Array) => void,
  rng: Random,
): Float32Array {
  const deviations = Float64Array.from({ length: inputDim }, (_, j) => (j + 1) ** -denseExponent);
  const out = new Float32Array(rows * inputDim);
  for (let row = 0; row < rows; row++) {
    const z = deviations.map((deviation) => deviation * rng.normal());
    rotate(z);
    out.set(z, row * inputDim);
  }
  return out;
}

/**
 * A random rotation of rows of any width, in place: rounds of plane rotations of random pairs, by random angles in the first
 * round and by 45 degrees after it. Orthogonal to float64 rounding, and n log n work a row where a dense matrix takes n^2.
 * Each round halves how far the fourth moments of a direction's entries are from those of a uniform direction.
 */
export function rotation(width: number, rng: Random): (row: Float64Array) => void {
  const rounds = Math.ceil(Math.log2(width)) + 5;
  const half = Math.floor(width / 2);
  const orders = Array.from({ length: rounds }, () => permutation(width, rng));
  const angles = Float64Array.from({ length: half }, () => 2 * Math.PI * rng.uniform());
  const [cosines, sines] = [angles.map(Math.cos), angles.map(Math.sin)];
  return (row) => {
    for (let round = 0; round < rounds; round++) {
      const order = orders[round]!;
      for (let pair = 0; pair < half; pair++) {
        // No pairs of values here: they would be collected as garbage, a hundred million times.
        const i = order[2 * pair]!;
        const j = order[2 * pair + 1]!;
        const a = row[i]!;
        const b = row[j]!;
        const cosine = round === 0 ? cosines[pair]! : Math.SQRT1_2;
        const sine = round === 0 ? sines[pair]! : Math.SQRT1_2;
        row[i] = cosine * a - sine * b;
        row[j] = sine * a + cosine * b;
      }
    }
  };
}

/**
 * The constant row, centred, of variance `meanShare * variance` over its entries: normal, and in `outliers` random dims of one
 * size and random signs, which hold `outlierShare` of its squared length.
 */
function constantRow(parameters: Values): Float64Array {
  const { inputDim, seed, meanShare, outliers, outlierShare } = parameters;
  const rng = random(seed, "synthetic/mean");
  const row = Float64Array.from({ length: inputDim }, () => rng.normal());
  const rest = row.reduce((sum, v) => sum + v * v, 0);
  const large = permutation(inputDim, rng).subarray(0, outliers);
  const size = outliers > 0 ? Math.sqrt((outlierShare * rest) / ((1 - outlierShare) * outliers)) : 0;
  for (const i of large) row[i] = rng.below(2) === 0 ? size : -size;
  const middle = row.reduce((sum, v) => sum + v, 0) / inputDim;
  const scale = Math.sqrt((meanShare * parameters.variance) / variance(row));
  return row.map((v) => scale * (v - middle));
}

/** One variance over all entries. */
function variance(x: Float32Array | Float64Array): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < x.length; i++) sum += x[i]!;
  const mean = sum / x.length;
  for (let i = 0; i < x.length; i++) squares += (x[i]! - mean) ** 2;
  return squares / x.length;
}

function columnMeansOf(x: Float32Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  for (let at = 0; at < x.length; at += width) for (let i = 0; i < width; i++) sums[i]! += x[at + i]!;
  return sums.map((sum) => sum / (x.length / width));
}
