import { belowMeanSentence, isBelowMean } from "../record/belowMean.ts";
import type { Settings } from "../record/identity.ts";
import type { SaeRecord } from "../record/record.ts";
import { statedSettings } from "./axes.ts";
import { type Configuration, valuesOf } from "./configurations.ts";
import { type Table, tableOf } from "./document.ts";
import { formatValue, noValue } from "./format.ts";
import { infoOf, knownMetrics } from "./keys.ts";

/** Where a star stands beside an SAE that is below the mean predictor. */
const marked = "explained_variance_centered";

/** One sentence on the stars in the table of some records; empty where there is none. */
export const starSentence = (records: readonly SaeRecord[]): string => {
  const sentence = belowMeanSentence(records.filter(isBelowMean).map(({ name }) => name));
  return sentence && `* ${sentence}`;
};

/** Every SAE with every metric any of them has; what all share is left out. */
export function recordsTable(all: readonly Configuration[], metrics: readonly string[] = knownMetrics): Table {
  const sorted = all.flatMap((one) => one.records.map((record) => ({ one, record, settings: statedSettings(record) })));
  const records = sorted.map(({ record }) => record);
  const keys = metrics.filter((key) => records.some((record) => (record.metrics[key] ?? null) !== null));
  const timed = records.some((record) => record.train_time_sec !== null);
  const telling = tellingColumns(sorted);
  const columns = [
    ...[">Latents", ">k"],
    ...telling.map(({ label }) => label),
    ...keys.map((key) => `>${infoOf(key).label}`),
  ];
  return tableOf(
    timed ? [...columns, ">Training (s)"] : columns,
    sorted.map((row) => [
      String(row.record.latent_dim),
      formatValue("k", row.record.k),
      ...telling.map(({ cell }) => cell(row)),
      ...keys.map(
        (key) => `${formatValue(key, row.record.metrics[key])}${key === marked && isBelowMean(row.record) ? " *" : ""}`,
      ),
      ...(timed ? [formatValue("train_time_sec", row.record.train_time_sec)] : []),
    ]),
  );
}

/** One SAE, the configuration it is of, and what it is. */
interface Row {
  readonly one: Configuration;
  readonly record: SaeRecord;
  readonly settings: Settings;
}

/** A column of what tells SAEs apart. */
interface Telling {
  readonly label: string;
  readonly cell: (row: Row) => string;
}

/** What varies besides latents and k, the name where nothing else tells two SAEs apart, and the seed. */
function tellingColumns(rows: readonly Row[]): readonly Telling[] {
  const varying = (rows[0]?.one.axes.varying ?? []).filter((key) => key !== "latent_dim" && key !== "k");
  const columns = varying.map((key): Telling => {
    const number = rows.every(({ settings }) => typeof (settings[key] ?? 0) === "number");
    return {
      label: `${number ? ">" : ""}${infoOf(key).label.replace("origin.", "")}`,
      cell: ({ settings }) => {
        const value = settings[key] ?? null;
        return value === null ? noValue : typeof value === "number" ? formatValue(key, value) : String(value);
      },
    };
  });
  const nameOf = ({ parts }: Configuration) => parts.find(({ key }) => key === "name")?.text;
  const name: Telling = { label: "SAE", cell: ({ one }) => nameOf(one) ?? noValue };
  const seed: Telling = { label: `>${infoOf("seed").label}`, cell: ({ record }) => formatValue("seed", record.seed) };
  const named = rows.some(({ one }) => nameOf(one) !== undefined);
  const seeded = new Set(rows.map(({ record }) => record.seed)).size > 1;
  return [...columns, ...(named ? [name] : []), ...(seeded ? [seed] : [])];
}

/** Mean ± standard deviation over seeds of some metrics, a line for each configuration with more than one seed. */
export function seedsTable(all: readonly Configuration[], keys: readonly string[]): Table {
  const several = all.filter((one) => one.records.length > 1);
  return tableOf(
    ["Configuration", ">Seeds", ...keys.map((key) => `>${infoOf(key).label}`)],
    several.map((one) => [
      one.label,
      String(one.records.length),
      ...keys.map((key) => {
        const { mean, sd } = valuesOf(one, key);
        return sd === null ? formatValue(key, mean) : `${formatValue(key, mean)} ± ${formatValue(key, sd)}`;
      }),
    ]),
  );
}
