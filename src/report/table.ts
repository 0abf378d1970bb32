import type { SaeRecord } from "../record/record.ts";
import { configurations, valuesOf } from "./configurations.ts";
import { type Table, tableOf } from "./document.ts";
import { formatValue } from "./format.ts";
import { infoOf, knownMetrics } from "./keys.ts";

/** Fields that get a column only where they differ between rows. */
const describing = ["architecture", "preset", "provider", "layer", "position", "input_dim", "epochs", "seed"] as const;

const numeric: ReadonlySet<string> = new Set(["layer", "position", "input_dim", "epochs", "seed"]);

/** Every row with every metric any of them has; fields all rows share are left out. */
export function rowsTable(rows: readonly SaeRecord[], metrics: readonly string[] = knownMetrics): Table {
  const sorted = configurations(rows).flatMap((one) => one.rows);
  const fields = describing.filter((field) => new Set(rows.map((row) => String(row[field]))).size > 1);
  const keys = metrics.filter((key) => rows.some((row) => row.metrics[key] !== undefined && row.metrics[key] !== null));
  const timed = rows.some((row) => row.train_time_sec !== null);
  const columns = [
    ">Latents",
    ">k",
    ...fields.map((field) => `${numeric.has(field) ? ">" : ""}${infoOf(field).label}`),
    ...keys.map((key) => `>${infoOf(key).label}`),
  ];
  return tableOf(
    timed ? [...columns, ">Training (s)"] : columns,
    sorted.map((row) => [
      String(row.latent_dim),
      formatValue("k", row.k),
      ...fields.map((field) => (typeof row[field] === "string" ? row[field] : formatValue(field, row[field]))),
      ...keys.map((key) => formatValue(key, row.metrics[key])),
      ...(timed ? [formatValue("train_time_sec", row.train_time_sec)] : []),
    ]),
  );
}

/** Mean ± standard deviation over seeds of some metrics, a line for each configuration with more than one seed. */
export function seedsTable(rows: readonly SaeRecord[], keys: readonly string[]): Table {
  const several = configurations(rows).filter((one) => one.rows.length > 1);
  return tableOf(
    ["Configuration", ">Seeds", ...keys.map((key) => `>${infoOf(key).label}`)],
    several.map((one) => [
      one.label,
      String(one.rows.length),
      ...keys.map((key) => {
        const { mean, sd } = valuesOf(one, key);
        return sd === null ? formatValue(key, mean) : `${formatValue(key, mean)} ± ${formatValue(key, sd)}`;
      }),
    ]),
  );
}
