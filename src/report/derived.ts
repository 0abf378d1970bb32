import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { groupBy } from "../util/group.ts";
import { type Configuration, distinct, restOf, valuesOf } from "./configurations.ts";
import { knownMetrics } from "./keys.ts";
import { objectivesText, type ParetoResult } from "./pareto.ts";
import { extentOf } from "./stats.ts";

/**
 * `grid_metrics_latent{d}.json` for each dictionary size, in the experiment's shape and keys: `{metadata, results: {"<d>":
 * {"<k>": {...}}}}`. The shape has room for one SAE a cell: of several seeds the lowest is written and named in the metadata.
 * Several layers, presets, learning rates or the like each get their own files, told apart in the name; SAEs without k have no place in
 * it. None are written where there would be more than `mostGridFiles`.
 */
export function gridFiles(
  { config, data }: Pick<MetricsFile, "config" | "data">,
  all: readonly Configuration[],
): Map<string, string> {
  const files = new Map<string, string>();
  if (tooManyGridFiles(all)) return files;
  for (const [rest, grid] of groupBy(all, restOf)) {
    const sizes = groupBy(grid, ({ record }) => record.latent_dim);
    for (const latentDim of distinct(grid, "latent_dim")) {
      const cells = sizes.get(latentDim)!.filter(({ record }) => record.k !== null);
      if (cells.length === 0) continue;
      const { layer, position, input_dim, epochs, seed, architecture, preset, provider } = cells[0]!.record;
      const metadata = {
        position,
        layer,
        n_train: data.train_rows,
        n_val: data.validation_rows,
        input_dim,
        epochs,
        batch_size: batchSize(config),
        architecture,
        preset,
        provider,
        seed,
        source: data.source,
        digest: data.digest,
        synthetic: data.synthetic,
      };
      const results = { [latentDim]: Object.fromEntries(cells.map(({ record }) => [record.k, cellOf(record)])) };
      files.set(`grid_metrics_latent${latentDim}${slug(rest)}.json`, json({ metadata, results }));
    }
  }
  return files;
}

/** More files than this are a folder nobody finds anything in, and take longer to write than all the rest. */
export const mostGridFiles = 1000;

/** Whether `gridFiles` would be more than `mostGridFiles`. */
export const tooManyGridFiles = (all: readonly Configuration[]): boolean =>
  new Set(all.map((one) => `${one.record.latent_dim} ${restOf(one)}`)).size > mostGridFiles;

/**
 * `pareto_optimal_configs.json`: `{pareto_optimal, num_pareto, num_dominated, rule, analysis}`, values as means over seeds. `rule`
 * names the objectives and the dominance; `analysis` says what dominates each configuration left out: the first `mostDominators`.
 */
export function paretoFile(
  { config, data }: Pick<MetricsFile, "config" | "data">,
  { rule, optimal, dominated, incomparable }: ParetoResult<Configuration>,
): string {
  const range = (key: string) => {
    const values = optimal.map((one) => valuesOf(one, key).mean).filter((value) => value !== null);
    return extentOf(values);
  };
  return json({
    rule: { objectives: objectivesText(rule.objectives), dominance: rule.dominance },
    metadata: {
      n_train: data.train_rows,
      n_val: data.validation_rows,
      input_dim: data.input_dim,
      batch_size: batchSize(config),
      source: data.source,
      digest: data.digest,
      synthetic: data.synthetic,
    },
    pareto_optimal: optimal.map(paretoEntry),
    num_pareto: optimal.length,
    num_dominated: dominated.length,
    analysis: {
      ranges: Object.fromEntries(rule.objectives.map(({ key }) => [key, range(key)])),
      dominated: dominated.map(({ item, by }) => ({ config: item.label, dominated_by: by.map(({ label }) => label) })),
      not_comparable: incomparable.map(({ item, missing }) => ({ config: item.label, missing })),
    },
  });
}

function paretoEntry(configuration: Configuration): Record<string, unknown> {
  const { record, records } = configuration;
  const { name, architecture, preset, provider, seed, layer, position, input_dim, latent_dim, k, epochs } = record;
  const shared = { name, architecture, preset, provider, layer, position, input_dim, latent_dim, k, epochs };
  if (records.length === 1) return { ...shared, seed, ...record.metrics, train_time_sec: record.train_time_sec };
  const keys = Object.keys(record.metrics);
  const means = Object.fromEntries(keys.map((key) => [key, valuesOf(configuration, key).mean]));
  return { ...shared, seed: null, num_seeds: records.length, ...means };
}

/** The experiment's keys in its order, then any other metric. */
function cellOf({ metrics, train_time_sec, epochs, name }: SaeRecord): Record<string, unknown> {
  const known = knownMetrics.filter((key) => key in metrics);
  const others = Object.keys(metrics).filter((key) => !known.includes(key));
  return {
    ...Object.fromEntries([...known, ...others].map((key) => [key, metrics[key]])),
    train_time_sec,
    epochs,
    name,
  };
}

const batchSize = (config: MetricsFile["config"]) => config.batch_size ?? config.batchSize ?? null;

const slug = (rest: string) => (rest ? `_${rest.toLowerCase().replace(/[^a-z0-9]+/g, "_")}` : "");

const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
