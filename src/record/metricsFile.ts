import { z } from "zod";
import type { DataInfo } from "../data/describe.ts";
import { ConfigError } from "../util/errors.ts";
import { parseCsv } from "./csv.ts";
import { readGrid, readParetoConfigs } from "./experimentFiles.ts";
import { flatRecord, readRecord } from "./flat.ts";
import { isRecord, parseJson, shown } from "./json.ts";
import type { MetricsFile } from "./record.ts";

const data = z.object({
  source: z.string(),
  target: z.string().exactOptional(),
  digest: z.string(),
  train_rows: z.int().nonnegative().nullable().transform(orNaN),
  validation_rows: z.int().nonnegative().nullable().transform(orNaN),
  input_dim: z.int().positive().nullable().transform(orNaN),
  synthetic: z.boolean(),
});

/**
 * The metrics in a file: ours, the experiment's `grid_metrics_latent{d}.json` or `pareto_optimal_configs.json`, or a .csv with a
 * header. What a file does not state stays `NaN`, `null` or empty.
 * @throws {ConfigError} when the text is none of them, of another version, or has a record that cannot be read.
 */
export function parseMetrics(text: string, file: string): MetricsFile {
  if (file.toLowerCase().endsWith(".csv")) return parseCsv(text, file);
  const json = parseJson(text, file);
  if (isRecord(json)) {
    if ("rows" in json) return readMetricsFile(json, file);
    if ("results" in json) return readGrid(json, file);
    if ("pareto_optimal" in json) return readParetoConfigs(json, file);
  }
  throw new ConfigError(
    `${file}: neither a metrics file (rows), grid_metrics_latent{d}.json (results) nor pareto_optimal_configs.json ` +
      `(pareto_optimal), it holds ${isRecord(json) ? `the keys ${shown(Object.keys(json))}` : shown(json)}; give a file that \`sae-onnx eval --json\` or \`train\` wrote`,
  );
}

/** The text of a metrics file, records flat: `{version, config, data, rows}`; `parseMetrics` gives the same back. */
export function serializeMetrics({ version, config, data, rows }: MetricsFile): string {
  return `${JSON.stringify({ version, config, data, rows: rows.map(flatRecord) }, null, 1)}\n`;
}

function readMetricsFile(json: Readonly<Record<string, unknown>>, file: string): MetricsFile {
  if (json.version !== 1)
    throw new ConfigError(
      `${file}: version ${shown(json.version)}, this sae-onnx reads version 1; write the file again with \`sae-onnx eval\`, or use the release that wrote it`,
    );
  if (!Array.isArray(json.rows))
    throw new ConfigError(`${file}: rows is ${shown(json.rows)}, not a list; give a file that \`sae-onnx eval\` wrote`);
  const info = data.safeParse(json.data);
  if (!info.success) {
    const { path, message } = info.error.issues[0]!;
    throw new ConfigError(`${file}: data.${path.join(".")}: ${message}; write the file again with \`sae-onnx eval\``);
  }
  return {
    version: 1,
    config: isRecord(json.config) ? json.config : {},
    data: info.data satisfies DataInfo,
    rows: json.rows.map((row: unknown, index) => {
      const where = `${file}: row ${index + 1}`;
      if (!isRecord(row)) throw new ConfigError(`${where} is ${shown(row)}, not an object; take it out`);
      return readRecord(row, typeof row.name === "string" ? `${where} (${row.name})` : where);
    }),
  };
}

function orNaN(value: number | null): number {
  return value ?? Number.NaN;
}
