import type { DataInfo } from "../data/describe.ts";
import { ConfigError } from "../util/errors.ts";
import { readRecord } from "./flat.ts";
import { isRecord, shown } from "./json.ts";
import type { MetricsFile, SaeRecord } from "./record.ts";

type Json = Readonly<Record<string, unknown>>;

/** Keys of the experiment's `metadata` that all records of the file share. */
const shared = ["architecture", "preset", "provider", "seed", "layer", "position", "input_dim", "epochs"] as const;

/**
 * The metrics in `{metadata, results: {"<latent_dim>": {"<k>": {...}}}}`, as the experiment wrote them.
 * @throws {ConfigError} when a dictionary, a cell or its value is not what the shape asks for; names the cell.
 */
export function readGrid(json: Json, file: string): MetricsFile {
  const metadata = isRecord(json.metadata) ? json.metadata : {};
  const common = pick(metadata, shared);
  const rows: SaeRecord[] = [];
  for (const [latentDim, cells] of entries(json.results, `${file}: results`))
    for (const [k, cell] of entries(cells, `${file}: results["${latentDim}"]`)) {
      const where = `${file}: results["${latentDim}"]["${k}"]`;
      const values = Object.fromEntries(entries(cell, where));
      rows.push(readRecord({ ...common, ...values, latent_dim: Number(latentDim), k: Number(k) }, where));
    }
  return { version: 1, config: pick(metadata, ["epochs", "batch_size"]), data: dataOf(metadata, file), rows };
}

/**
 * The records in `pareto_optimal_configs.json`: `{pareto_optimal: [...], num_pareto, num_dominated, analysis}`. The dominated
 * configurations are not in such a file.
 * @throws {ConfigError} when the list or one of its entries cannot be read; names the entry.
 */
export function readParetoConfigs(json: Json, file: string): MetricsFile {
  if (!Array.isArray(json.pareto_optimal))
    throw new ConfigError(
      `${file}: pareto_optimal is ${shown(json.pareto_optimal)}, not a list; write it again with \`sae-onnx report\``,
    );
  const metadata = isRecord(json.metadata) ? json.metadata : {};
  const common = pick(metadata, shared);
  const rows = json.pareto_optimal.map((entry: unknown, index) => {
    const where = `${file}: pareto_optimal[${index}]`;
    return readRecord({ ...common, ...Object.fromEntries(entries(entry, where)) }, where);
  });
  return { version: 1, config: pick(metadata, ["epochs", "batch_size"]), data: dataOf(metadata, file), rows };
}

function dataOf(metadata: Json, file: string): DataInfo {
  const number = (key: string) => (typeof metadata[key] === "number" ? metadata[key] : Number.NaN);
  const text = (key: string) => (typeof metadata[key] === "string" ? metadata[key] : "");
  return {
    source: text("source") || text("model") || file,
    digest: text("digest"),
    train_rows: number("n_train"),
    validation_rows: number("n_val"),
    input_dim: number("input_dim"),
    synthetic: metadata.synthetic === true,
  };
}

function entries(value: unknown, where: string): [string, unknown][] {
  if (!isRecord(value)) throw new ConfigError(`${where} is ${shown(value)}, not an object; correct it or take it out`);
  return Object.entries(value);
}

const pick = (from: Json, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
