import { beyondChance } from "../record/beyondChance.ts";
import { type Configuration, distinct, meanOf } from "./configurations.ts";
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

type Rule = Omit<Recommendation, "chosen"> & { readonly choose: Chooser };

/** The experiment's own rules, in words; `S` stands for what the sparsity is measured by. They look at no dead latents. */
const experimentRules: readonly Rule[] = [
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

/** Share of dead latents above which an SAE is not recommended: a latent that never fires is paid for and says nothing. */
const mostDead = 0.1;

/** What to take of SAEs whose latents live and say more than chance. */
const sound = `of those with at most ${100 * mostDead} % dead latents that beat chance where it was measured`;
const ownRules: readonly Rule[] = [
  {
    use: "Fewest latents a row",
    rule: `smallest S ${sound}; of these the highest explained variance`,
    choose: (all, sparsity) => best(smallest(all, sparsity), "explained_variance", "latent_dim"),
    because: ["explained_variance", "feature_death_rate", "l0_mean"],
  },
  {
    use: "Balanced",
    rule: `the knee of the (explained variance, S) frontier ${sound}: farthest above the line between its ends, S on a log axis`,
    choose: knee,
    because: ["explained_variance", "feature_death_rate", "l0_mean"],
  },
  {
    use: "Nearest to the rows",
    rule: `highest explained variance ${sound}; of equals the fewest latents`,
    choose: (all) => best(all, "explained_variance", "latent_dim"),
    because: ["explained_variance", "feature_death_rate", "l0_mean"],
  },
];

/** What to take, and by whose rules. */
export interface Advice {
  readonly by: "experiment" | "here";
  readonly all: readonly Recommendation[];
  /** Configurations that were left out, as they have too many dead latents or are no better than chance. */
  readonly leftOut: number;
}

/** The presets that are the experiment; its own files name none. */
const experimentPresets: readonly string[] = ["report", "original", "not stated"];

/** Whether some configurations are the experiment's grid: its architecture and presets, several sizes and several k. */
export const isExperiment = (all: readonly Configuration[]): boolean =>
  all.every(({ record }) => record.architecture === "topk" && experimentPresets.includes(record.preset)) &&
  distinct(all, "latent_dim").length > 1 &&
  distinct(all, "k").length > 2;

/** Whether few latents are dead, and the SAE beats chance where that was measured. */
function isSound(one: Configuration): boolean {
  const dead = meanOf(one, "feature_death_rate");
  const above = beyondChance(one.record);
  return (dead === null || dead <= mostDead) && (!above || Math.min(above.encoder, above.dictionary) > 0);
}

/**
 * What to take for each use, computed from configurations of one set of activations; sparsity by `sparsityMeasure`. The experiment's grid
 * by the experiment's rules, all others by what lives and beats chance. A frontier of fewer than three points, or one that bends the
 * other way, has no knee. Nothing is said where there is nothing to compare: of one configuration, or without explained variances and a
 * sparsity.
 */
export function recommend(all: readonly Configuration[]): Advice {
  const sparsity = sparsityMeasure(all);
  const name = sparsity === "k" ? "k" : infoOf(sparsity).label;
  const sparse = all.filter((one) => (meanOf(one, sparsity) ?? 0) > 0 && meanOf(one, "explained_variance") !== null);
  const by = isExperiment(all) ? "experiment" : "here";
  if (sparse.length < 2) return { by, all: [], leftOut: 0 };
  const candidates = by === "experiment" ? sparse : sparse.filter(isSound);
  const made = (by === "experiment" ? experimentRules : ownRules).map(({ choose, rule, ...rest }) => ({
    ...rest,
    rule: rule.replace(/\bS\b/g, name),
    chosen: candidates.length === 0 ? null : (choose(candidates, sparsity) ?? null),
  }));
  const leftOut = sparse.length - candidates.length;
  return { by, all: by === "experiment" ? made : titledOnce(made), leftOut };
}

/** Each SAE once, under all the uses it is best for; a use that none is for is left out. */
function titledOnce(all: readonly Recommendation[]): readonly Recommendation[] {
  const chosen = [...new Set(all.flatMap((one) => one.chosen ?? []))];
  return chosen.map((configuration) => {
    const own = all.filter((one) => one.chosen === configuration);
    return { ...own[0]!, use: own.map(({ use }) => use).join(", "), rule: own.map(({ rule }) => rule).join("; and ") };
  });
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
