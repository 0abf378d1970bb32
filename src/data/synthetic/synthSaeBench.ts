import { ConfigError } from "../../util/errors.ts";
import { type Random, random } from "../../util/random.ts";
import { compensated, growForest, type Hierarchy } from "./hierarchy.ts";
import { normalQuantile } from "./quantile.ts";
import { defineRecipe, type RecipeNumbers, type RecipeValues } from "./recipe.ts";
import { spreadRows } from "./tightFrame.ts";
import { unitRows } from "./unitRows.ts";

const numbers = {
  zipfExponent: {
    default: 0.5,
    min: 0.01,
    max: 10,
    describe: "feature f fires as often as f^-this, moved into a range",
  },
  maxProbability: { default: 0.4, min: 1e-6, max: 1, describe: "at most this share of rows has a feature" },
  minProbability: { default: 5e-4, min: 1e-9, max: 1, describe: "the rarest feature's share of rows" },
  roots: {
    default: 128,
    min: 0,
    max: 1e6,
    integer: true,
    fits: ({ features }) => features!,
    describe: "trees of features; 0 for none",
  },
  branching: {
    default: 4,
    min: 2,
    max: 1e6,
    integer: true,
    describe: "children of a parent; one of them fires at a time",
  },
  depth: { default: 3, min: 1, max: 20, integer: true, describe: "levels of a tree below its root" },
  childScale: {
    default: 0,
    min: 0,
    max: 1,
    integer: true,
    describe: "1: a child's magnitude grows with its parent's",
  },
  correlationRank: { default: 25, min: 0, max: 1000, integer: true, describe: "hidden causes that features share" },
  correlationScale: { default: 0.1, min: 0, max: 1, describe: "deviation of a feature's weight for each cause" },
  magnitudeFrom: { default: 5, min: 1e-6, max: 1e6, describe: "mean magnitude of the most frequent feature" },
  magnitudeTo: { default: 4, min: 1e-6, max: 1e6, describe: "mean magnitude of the rarest feature" },
  deviationMean: {
    default: 0.5,
    min: 0,
    max: 1e6,
    describe: "a feature's magnitudes deviate by |normal| of this mean",
  },
  deviationSpread: { default: 0.5, min: 0, max: 1e6, describe: "and of this deviation" },
  bias: { default: 0.5, min: 0, max: 1e6, describe: "length of the constant row" },
  spreadSteps: { default: 1, min: 0, max: 100, integer: true, describe: "steps that make the dictionary overlap less" },
} as const satisfies RecipeNumbers;

type Values = RecipeValues<typeof numbers>;

/** Each feature's numbers, `[features]`. */
interface Features {
  readonly hierarchy: Hierarchy;
  /** It is drawn where a standard normal number is above this. */
  readonly thresholds: Float64Array;
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** `[features, rank]`: its weight for each hidden cause. */
  readonly weights: Float64Array;
  /** What of the normal number is its own. */
  readonly own: Float64Array;
}

/** Least share of a feature's normal number that is its own. */
const leastOwn = 0.01;

/**
 * The synthetic model of SynthSAEBench-16k: Zipf frequencies, correlated firing, trees of features, more features than dimensions.
 *
 *     g = F e + own h        e, h standard normal, F [features, rank] normal of deviation correlationScale; own so that g has variance 1
 *     drawn where g > quantile(1 - p), p the compensated probability
 *     fires where it is drawn, its parent fires, and among its drawn siblings it wins
 *     x = bias + sum of magnitude_f W_f,   magnitude_f = relu(mean_f + deviation_f normal), W unit rows
 *
 * Only features whose parent fires are drawn at all, which changes nothing: what is not drawn has no say.
 * Source: Chanin et al. 2026, SynthSAEBench (arXiv 2602.14687), and the configuration that SAELens documents. Two things differ:
 * the dictionary's overlap is lowered by `spreadRows` (they descend the same sum by 100 steps of Adam), and every parent's children
 * exclude one another, as in the published model.
 */
export const synthSaeBench = defineRecipe({
  source: "SynthSAEBench (arXiv 2602.14687): Zipf frequencies, trees of features, correlated firing",
  sizes: { rows: 100_000, inputDim: 768, features: 16_384 },
  numbers,
  check({ minProbability, maxProbability, roots, features }) {
    if (minProbability >= maxProbability)
      throw new ConfigError(
        `synthesize: minProbability must be below maxProbability = ${maxProbability}, got ${minProbability}`,
      );
    if (roots > features)
      throw new ConfigError(`synthesize: roots must be at most features = ${features}, got ${roots}`);
  },
  open(values) {
    const { inputDim, features, seed, spreadSteps } = values;
    const trueFeatures = unitRows(features, inputDim, random(seed, "synthsaebench/features"));
    spreadRows(trueFeatures, spreadSteps);
    const constant = unitRows(1, inputDim, random(seed, "synthsaebench/bias")).data.map((v) => v * values.bias);
    const known = featuresOf(values);
    const { parents } = known.hierarchy;
    return {
      trueFeatures,
      parents,
      shard(count, shard) {
        const rng = random(seed, `synthsaebench/rows/${shard}`);
        const x = new Float32Array(count * inputDim);
        const active = Array.from({ length: count }, (_, row) => {
          const at = row * inputDim;
          x.set(constant, at);
          const fired = fire(known, values, rng);
          for (const [feature, magnitude] of fired) {
            const from = feature * inputDim;
            for (let i = 0; i < inputDim; i++) x[at + i]! += magnitude * trueFeatures.data[from + i]!;
          }
          return Int32Array.from(fired.keys()).sort();
        });
        return { x, active };
      },
    };
  },
});

/** How often each feature is to fire: `f^-exponent`, moved and scaled to lie between the two probabilities. */
export function zipfProbabilities({
  features,
  zipfExponent,
  minProbability,
  maxProbability,
}: Pick<Values, "features" | "zipfExponent" | "minProbability" | "maxProbability">): Float64Array {
  const last = features ** -zipfExponent;
  return Float64Array.from({ length: features }, (_, f) =>
    features === 1
      ? maxProbability
      : minProbability + ((maxProbability - minProbability) * ((f + 1) ** -zipfExponent - last)) / (1 - last),
  );
}

function featuresOf(values: Values): Features {
  const { features, seed, correlationRank: rank, correlationScale } = values;
  const hierarchy = growForest(features, values);
  const drawn = compensated(zipfProbabilities(values), hierarchy);
  const share = (f: number) => (features === 1 ? 0 : f / (features - 1));
  const spread = random(seed, "synthsaebench/deviations");
  const causes = random(seed, "synthsaebench/causes");
  const weights = new Float64Array(features * rank);
  const own = new Float64Array(features);
  for (let f = 0; f < features; f++) {
    const row = weights.subarray(f * rank, (f + 1) * rank);
    for (let c = 0; c < rank; c++) row[c] = correlationScale * causes.normal();
    const squares = row.reduce((sum, v) => sum + v * v, 0);
    const cut = squares > 1 - leastOwn ? Math.sqrt((1 - leastOwn) / squares) : 1;
    for (let c = 0; c < rank; c++) row[c]! *= cut;
    own[f] = Math.sqrt(1 - squares * cut * cut);
  }
  return {
    hierarchy,
    thresholds: drawn.map((p) => -normalQuantile(p)),
    mean: drawn.map((_, f) => values.magnitudeFrom + (values.magnitudeTo - values.magnitudeFrom) * share(f)),
    deviation: drawn.map(() => Math.abs(values.deviationMean + values.deviationSpread * spread.normal())),
    ...{ weights, own },
  };
}

/** The features of one row with their magnitudes, parents before children. */
function fire(known: Features, values: Values, rng: Random): Map<number, number> {
  const { hierarchy, thresholds, mean, deviation, weights, own } = known;
  const { parents, firstChild, children } = hierarchy;
  const rank = values.correlationRank;
  const causes = Float64Array.from({ length: rank }, () => rng.normal());
  /** Its magnitude if it is drawn, else 0. */
  const draw = (feature: number): number => {
    let g = own[feature]! * rng.normal();
    for (let c = 0, at = feature * rank; c < rank; c++) g += weights[at + c]! * causes[c]!;
    if (g <= thresholds[feature]!) return 0;
    return Math.max(0, mean[feature]! + deviation[feature]! * rng.normal());
  };
  const fired = new Map<number, number>();
  const open: number[] = [];
  const add = (feature: number, magnitude: number) => {
    fired.set(feature, magnitude);
    if (children[feature]! > 0) open.push(feature);
  };
  for (let feature = 0; feature < parents.length; feature++) {
    if (parents[feature]! >= 0) continue;
    const magnitude = draw(feature);
    if (magnitude > 0) add(feature, magnitude);
  }
  for (const parent of open) {
    // One of the drawn children at random: the n-th of them takes over with probability 1 / n.
    let [winner, size, candidates] = [-1, 0, 0];
    for (let child = firstChild[parent]!, to = child + children[parent]!; child < to; child++) {
      const magnitude = draw(child);
      if (magnitude > 0 && rng.below(++candidates) === 0) [winner, size] = [child, magnitude];
    }
    const scale = values.childScale === 1 ? fired.get(parent)! / mean[parent]! : 1;
    if (winner >= 0) add(winner, size * scale);
  }
  return fired;
}
