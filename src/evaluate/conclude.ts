import type { SumsTable } from "../metrics/graph.ts";
import { metrics } from "../metrics/index.ts";
import type { AnyJoined, AnyMetric, Measured, Split } from "../metrics/metric.ts";
import { Accumulator } from "./accumulate.ts";

/** The numbers of an evaluation. A metric that has no value (an empty split) is `null`. */
export interface Conclusion {
  readonly metrics: Readonly<Record<string, number | null>>;
  /** On which rows each key was measured. */
  readonly splits: Readonly<Record<string, Split>>;
  /** Per latent, `[latentDim]` each: `frequency`, `mean_activation`, `max_activation`. */
  readonly latents: Readonly<Record<string, Float64Array>>;
}

/** Nothing added up yet: for each split the sums of the metrics measured on it, and no others. */
export function noTotals(table: SumsTable): Readonly<Record<Split, Accumulator>> {
  const splitOf = (sum: string) => (metrics as Readonly<Record<string, AnyMetric>>)[sum.split(".")[0]!]?.split;
  const only = (split: Split) =>
    Accumulator.of(Object.fromEntries(Object.entries(table).filter(([sum]) => splitOf(sum) === split)));
  return { validation: only("validation"), all: only("all") };
}

/** Every metric of the table whose sums were added up, from the totals of its split. */
export function conclude(common: Omit<Measured, "rows">, totals: Readonly<Record<Split, Accumulator>>): Conclusion {
  const values: Record<string, number | null> = {};
  const splits: Record<string, Split> = {};
  let latents: Conclusion["latents"] = {};
  for (const [name, { split, keys, value, perLatent }] of Object.entries<AnyMetric>(metrics)) {
    const { rows } = totals[split];
    const sums = totals[split].joined(name) as AnyJoined | undefined;
    if (!sums) continue;
    const measured: Measured = { rows, ...common };
    const made = rows > 0 ? value(sums, measured) : {};
    for (const key of Object.keys(keys)) {
      values[key] = Number.isFinite(made[key]) ? made[key]! : null;
      splits[key] = split;
    }
    if (perLatent && rows > 0) latents = { ...latents, ...perLatent(sums, measured) };
  }
  return { metrics: values, splits, latents };
}
