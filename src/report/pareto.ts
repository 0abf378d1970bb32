import { ConfigError } from "../util/errors.ts";
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

/** A Pareto set and what is not in it. */
export interface ParetoResult<T> {
  readonly rule: ParetoRule;
  /** In the order given. */
  readonly optimal: readonly T[];
  readonly dominated: readonly { readonly item: T; readonly by: readonly T[] }[];
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
  const scored = items.map((item) => ({
    item,
    scores: rule.objectives.map(({ key, direction }) => {
      const score = value(item, key);
      return score === null || Number.isNaN(score) ? null : direction === "max" ? score : -score;
    }),
  }));
  const comparable = scored.filter((one): one is { item: T; scores: number[] } => !one.scores.includes(null));
  const judged = comparable.map(({ item, scores }) => ({
    item,
    by: comparable
      .filter((other) => group(other.item) === group(item) && dominates(other.scores, scores, rule.dominance))
      .map((other) => other.item),
  }));
  return {
    rule,
    optimal: judged.filter(({ by }) => by.length === 0).map(({ item }) => item),
    dominated: judged.filter(({ by }) => by.length > 0),
    incomparable: scored
      .filter(({ scores }) => scores.includes(null))
      .map(({ item, scores }) => ({
        item,
        missing: rule.objectives.filter((_, index) => scores[index] === null).map(({ key }) => key),
      })),
  };
}

/** Whether scores `a` dominate `b`; higher is better in each. */
function dominates(a: readonly number[], b: readonly number[], dominance: Dominance): boolean {
  if (dominance === "strict") return a.every((score, index) => score > b[index]!);
  return a.every((score, index) => score >= b[index]!) && a.some((score, index) => score > b[index]!);
}

function directionOf(key: string): string {
  return { higher: "max", lower: "min", none: "" }[infoOf(key).better];
}
