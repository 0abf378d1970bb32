import { type Configuration, meanOf } from "./configurations.ts";
import { paretoSet } from "./pareto.ts";

/** A configuration for a use, and the rule that chose it. */
export interface Recommendation {
  readonly use: string;
  readonly rule: string;
  /** `null` where the rule finds none. */
  readonly chosen: Configuration | null;
  /** The metric keys that speak for it. */
  readonly because: readonly string[];
}

/** Explained variance that a smaller dictionary may cost in the balanced choice. */
const slack = 0.01;

type Chooser = (all: readonly Configuration[]) => Configuration | undefined;

const rules: readonly (Omit<Recommendation, "chosen"> & { readonly choose: Chooser })[] = [
  {
    use: "Ultra-sparse",
    rule: "smallest k; of these the highest explained variance",
    choose: (all) => best(smallest(all, "k"), "explained_variance", "latent_dim"),
    because: ["explained_variance", "feature_death_rate"],
  },
  {
    use: "Extreme interpretability",
    rule: "smallest k; of these the fewest active features",
    choose: (all) => smallest(smallest(all, "k"), "num_active_features")[0],
    because: ["num_active_features", "mean_activation"],
  },
  {
    use: "Balanced",
    rule: "the knee of the (explained variance, k) frontier: farthest above the line between its ends, k on a log axis",
    choose: knee,
    because: ["explained_variance", "feature_death_rate"],
  },
  {
    use: "Balanced, smaller dictionary",
    rule: `the knee's k; the fewest latents within ${slack} of its explained variance`,
    choose: smallerKnee,
    because: ["explained_variance", "num_active_features"],
  },
  {
    use: "High quality",
    rule: "highest explained variance; of equals the fewest latents",
    choose: (all) => best(all, "explained_variance", "latent_dim"),
    because: ["explained_variance", "feature_death_rate"],
  },
  {
    use: "Memory-constrained",
    rule: "fewest latents (the file's size depends on nothing else here); of these the highest explained variance",
    choose: (all) => best(smallest(all, "latent_dim"), "explained_variance", "k"),
    because: ["latent_dim", "explained_variance"],
  },
];

/**
 * What to take for each use, computed from configurations of one set of activations. A frontier of fewer than three points, or
 * one that bends the other way, has no knee. Nothing is recommended without explained variances and k.
 */
export function recommend(all: readonly Configuration[]): readonly Recommendation[] {
  const sparse = all.filter((one) => one.row.k !== null && meanOf(one, "explained_variance") !== null);
  return sparse.length === 0 ? [] : rules.map(({ choose, ...rest }) => ({ ...rest, chosen: choose(sparse) ?? null }));
}

/** The frontier's point farthest above the chord between its ends, both axes scaled to 0..1, k by its logarithm. */
function knee(all: readonly Configuration[]): Configuration | undefined {
  const rule = {
    objectives: [
      { key: "explained_variance", direction: "max" },
      { key: "k", direction: "min" },
    ],
    dominance: "standard",
  } as const;
  const frontier = paretoSet(all, rule, meanOf).optimal.toSorted((a, b) => a.row.k! - b.row.k!);
  if (frontier.length < 3) return undefined;
  const x = scaled(frontier.map(({ row }) => Math.log(row.k!)));
  const y = scaled(frontier.map((one) => meanOf(one, "explained_variance")!));
  const above = frontier.map((_, index) => y[index]! - x[index]!);
  const highest = Math.max(...above);
  // On a straight frontier all are 0 but for rounding.
  return highest > 1e-9 ? frontier[above.indexOf(highest)] : undefined;
}

function smallerKnee(all: readonly Configuration[]): Configuration | undefined {
  const at = knee(all);
  if (!at) return undefined;
  const least = meanOf(at, "explained_variance")! - slack;
  const near = all.filter(({ row }) => row.k === at.row.k).filter((one) => meanOf(one, "explained_variance")! >= least);
  return best(smallest(near, "latent_dim"), "explained_variance", "latent_dim");
}

function smallest(all: readonly Configuration[], key: string): readonly Configuration[] {
  const values = all.flatMap((one) => meanOf(one, key) ?? []);
  const least = Math.min(...values);
  return all.filter((one) => meanOf(one, key) === least);
}

/** Highest in `key`; of equals the lowest in `then`. */
const best = (all: readonly Configuration[], key: string, then: string): Configuration | undefined =>
  all.toSorted((a, b) => meanOf(b, key)! - meanOf(a, key)! || (meanOf(a, then) ?? 0) - (meanOf(b, then) ?? 0))[0];

function scaled(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (value - low) / (high - low || 1));
}
