import { type Configuration, meanOf } from "./configurations.ts";
import { infoOf } from "./keys.ts";
import { paretoSet } from "./pareto.ts";
import { sparsityMeasure } from "./sparsity.ts";
import { extentOf } from "./stats.ts";

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

type Chooser = (all: readonly Configuration[], sparsity: Sparsity) => Configuration | undefined;
type Sparsity = ReturnType<typeof sparsityMeasure>;

/** The rules in words; `S` stands for what the sparsity is measured by. */
const rules: readonly (Omit<Recommendation, "chosen"> & { readonly choose: Chooser })[] = [
  {
    use: "Ultra-sparse",
    rule: "smallest S; of these the highest explained variance",
    choose: (all, sparsity) => best(smallest(all, sparsity), "explained_variance", "latent_dim"),
    because: ["explained_variance", "feature_death_rate"],
  },
  {
    use: "Extreme interpretability",
    rule: "smallest S; of these the fewest active features",
    choose: (all, sparsity) => smallest(smallest(all, sparsity), "num_active_features")[0],
    because: ["num_active_features", "mean_activation"],
  },
  {
    use: "Balanced",
    rule: "the knee of the (explained variance, S) frontier: farthest above the line between its ends, S on a log axis",
    choose: knee,
    because: ["explained_variance", "feature_death_rate"],
  },
  {
    use: "Balanced, smaller dictionary",
    rule: `the knee's S; the fewest latents within ${slack} of its explained variance`,
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
    choose: (all, sparsity) => best(smallest(all, "latent_dim"), "explained_variance", sparsity),
    because: ["latent_dim", "explained_variance"],
  },
];

/**
 * What to take for each use, computed from configurations of one set of activations; sparsity by `sparsityMeasure`. A frontier of
 * fewer than three points, or one that bends the other way, has no knee. Nothing is recommended without explained variances and a
 * sparsity.
 */
export function recommend(all: readonly Configuration[]): readonly Recommendation[] {
  const sparsity = sparsityMeasure(all);
  const name = sparsity === "k" ? "k" : infoOf(sparsity).label;
  const sparse = all.filter((one) => (meanOf(one, sparsity) ?? 0) > 0 && meanOf(one, "explained_variance") !== null);
  if (sparse.length === 0) return [];
  return rules.map(({ choose, rule, ...rest }) => ({
    ...rest,
    rule: rule.replace(/\bS\b/g, name),
    chosen: choose(sparse, sparsity) ?? null,
  }));
}

/** The frontier's point farthest above the chord between its ends, both axes scaled to 0..1, sparsity by its logarithm. */
function knee(all: readonly Configuration[], sparsity: Sparsity): Configuration | undefined {
  const rule = {
    objectives: [
      { key: "explained_variance", direction: "max" },
      { key: sparsity, direction: "min" },
    ],
    dominance: "standard",
  } as const;
  const of = (one: Configuration) => meanOf(one, sparsity)!;
  const frontier = paretoSet(all, rule, meanOf).optimal.toSorted((a, b) => of(a) - of(b));
  if (frontier.length < 3) return undefined;
  const x = scaled(frontier.map((one) => Math.log(of(one))));
  const y = scaled(frontier.map((one) => meanOf(one, "explained_variance")!));
  const above = frontier.map((_, index) => y[index]! - x[index]!);
  const highest = extentOf(above)![1];
  // On a straight frontier all are 0 but for rounding.
  return highest > 1e-9 ? frontier[above.indexOf(highest)] : undefined;
}

function smallerKnee(all: readonly Configuration[], sparsity: Sparsity): Configuration | undefined {
  const at = knee(all, sparsity);
  if (!at) return undefined;
  const least = meanOf(at, "explained_variance")! - slack;
  const [most, exact] = [meanOf(at, sparsity)!, sparsity === "k"];
  // No two SAEs measure the same L0: there the knee's stands for all up to it.
  const near = all.filter((one) => (exact ? meanOf(one, sparsity) === most : meanOf(one, sparsity)! <= most));
  return best(
    smallest(
      near.filter((one) => meanOf(one, "explained_variance")! >= least),
      "latent_dim",
    ),
    "explained_variance",
    "latent_dim",
  );
}

function smallest(all: readonly Configuration[], key: string): readonly Configuration[] {
  const values = all.flatMap((one) => meanOf(one, key) ?? []);
  const least = extentOf(values)?.[0];
  return all.filter((one) => meanOf(one, key) === least);
}

/** Highest in `key`; of equals the lowest in `then`. */
const best = (all: readonly Configuration[], key: string, then: string): Configuration | undefined =>
  all.toSorted((a, b) => meanOf(b, key)! - meanOf(a, key)! || (meanOf(a, then) ?? 0) - (meanOf(b, then) ?? 0))[0];

function scaled(values: readonly number[]): number[] {
  const [low, high] = extentOf(values)!;
  return values.map((value) => (value - low) / (high - low || 1));
}
