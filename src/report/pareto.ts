import { ConfigError } from "../util/errors.ts";
import { groupBy } from "../util/group.ts";
import { infoOf, isKnownKey, knownMetrics } from "./keys.ts";

/** What to compare, and in which direction it is better. */
export interface Objective {
  readonly key: string;
  readonly direction: "max" | "min";
}

/**
 * When one item dominates another: `standard`, at least as good in every objective and better in one; `strict`, better in every
 * objective (the experiment's script: it leaves out far less).
 */
export type Dominance = "standard" | "strict";

/** Objectives and dominance: which Pareto set is meant. */
export interface ParetoRule {
  readonly objectives: readonly Objective[];
  readonly dominance: Dominance;
}

/** Of more items that dominate one, the first so many are looked for: all of them would be as many as the square of the items. */
export const mostDominators = 20;

/** A Pareto set and what is not in it. */
export interface ParetoResult<T> {
  readonly rule: ParetoRule;
  /** In the order given. */
  readonly optimal: readonly T[];
  readonly dominated: readonly {
    readonly item: T;
    /** What dominates it, in the order given; no more than `mostDominators`. */
    readonly by: readonly T[];
  }[];
  /** Items without a value for an objective: they can be compared with nothing. */
  readonly incomparable: readonly { readonly item: T; readonly missing: readonly string[] }[];
}

/**
 * The objectives of `explained_variance:max,k:min`: any metric key, k, latent_dim, train_time_sec. The direction may be left out
 * where the key has one.
 * @throws {ConfigError} for an empty list, an unknown key or direction, or a key named twice.
 */
export function parseObjectives(text: string): readonly Objective[] {
  const objectives = text.split(",").map((part) => {
    const [key = "", direction = directionOf(key), ...rest] = part.trim().split(":");
    if (!isKnownKey(key))
      throw new ConfigError(
        `--pareto ${text}: unknown objective ${JSON.stringify(key)}; choose from ${[...knownMetrics, "k", "latent_dim", "train_time_sec"].join(", ")}`,
      );
    if ((direction !== "max" && direction !== "min") || rest.length > 0)
      throw new ConfigError(
        `--pareto ${text}: ${JSON.stringify(part.trim())} needs a direction; write ${key}:max or ${key}:min`,
      );
    return { key, direction } as const;
  });
  const twice = objectives.find(({ key }, index) => objectives.findIndex((other) => other.key === key) !== index);
  if (twice) throw new ConfigError(`--pareto ${text}: ${twice.key} is named twice; name each objective once`);
  return objectives;
}

/**
 * The dominance of that name; `standard` when none is given.
 * @throws {ConfigError} for another name.
 */
export function parseDominance(text = "standard"): Dominance {
  if (text !== "standard" && text !== "strict")
    throw new ConfigError(
      `--dominance ${text}: unknown rule; choose standard (no worse in all, better in one) or strict (better in all)`,
    );
  return text;
}

/** `explained_variance:max,k:min`. */
export const objectivesText = (objectives: readonly Objective[]): string =>
  objectives.map(({ key, direction }) => `${key}:${direction}`).join(",");

/**
 * The items no other dominates under the rule; `value` gives an item's value of a key, `null` where it has none. Only items of
 * one `group` are compared (default: all are of one group), e.g. those measured on the same activations.
 */
export function paretoSet<T>(
  items: readonly T[],
  rule: ParetoRule,
  value: (item: T, key: string) => number | null,
  group: (item: T) => string = () => "",
): ParetoResult<T> {
  const scored = items.map((item, index) => ({
    ...{ item, index },
    scores: rule.objectives.map(({ key, direction }) => {
      const score = value(item, key);
      return score === null || Number.isNaN(score) ? null : direction === "max" ? score : -score;
    }),
  }));
  const comparable = scored.filter((one): one is Scored<T> => !one.scores.includes(null));
  const judged = [...groupBy(comparable, ({ item }) => group(item)).values()]
    .flatMap((members) => judge(members, rule.dominance))
    .toSorted((a, b) => a.index - b.index);
  return {
    rule,
    optimal: judged.filter(({ by }) => by.length === 0).map(({ item }) => item),
    dominated: judged.filter(({ by }) => by.length > 0).map(({ item, by }) => ({ item, by })),
    incomparable: scored
      .filter(({ scores }) => scores.includes(null))
      .map(({ item, scores }) => ({
        item,
        missing: rule.objectives.filter((_, index) => scores[index] === null).map(({ key }) => key),
      })),
  };
}

interface Scored<T> {
  readonly item: T;
  readonly index: number;
  readonly scores: number[];
}

/** Which of some items dominate each of them. The scores lie in one array: with many items this loop is what takes the time. */
function judge<T>(members: readonly Scored<T>[], dominance: Dominance) {
  const width = members[0]!.scores.length;
  const scores = Float64Array.from(members.flatMap((one) => one.scores));
  return members.map(({ item, index }, own) => {
    const by: T[] = [];
    for (let other = 0; other < members.length && by.length < mostDominators; other++)
      if (dominates(scores, width, other, own, dominance)) by.push(members[other]!.item);
    return { item, index, by };
  });
}

/** Whether item `a` dominates item `b`; higher is better in each score. */
function dominates(scores: Float64Array, width: number, a: number, b: number, dominance: Dominance): boolean {
  let better = 0;
  for (let at = 0; at < width; at++) {
    const difference = scores[a * width + at]! - scores[b * width + at]!;
    if (difference < 0) return false;
    if (difference > 0) better++;
  }
  return better === width || (dominance === "standard" && better > 0);
}

function directionOf(key: string): string {
  return { higher: "max", lower: "min", none: "" }[infoOf(key).better];
}
