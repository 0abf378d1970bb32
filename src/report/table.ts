import { belowMeanSentence, isBelowMean } from "../record/belowMean.ts";
import type { SaeRecord } from "../record/record.ts";
import { statedSettings } from "./axes.ts";
import { type Configuration, configurations, valuesOf } from "./configurations.ts";
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
export function recordsTable(records: readonly SaeRecord[], metrics: readonly string[] = knownMetrics): Table {
  const sorted = configurations(records).flatMap((one) => one.records.map((record) => ({ one, record })));
  const keys = metrics.filter((key) => records.some((record) => (record.metrics[key] ?? null) !== null));
  const timed = records.some((record) => record.train_time_sec !== null);
  const telling = tellingColumns(records, sorted[0]?.one);
  const columns = [
    ...[">Latents", ">k"],
    ...telling.map(({ label }) => label),
    ...keys.map((key) => `>${infoOf(key).label}`),
  ];
  return tableOf(
    timed ? [...columns, ">Training (s)"] : columns,
    sorted.map(({ one, record }) => [
      String(record.latent_dim),
      formatValue("k", record.k),
      ...telling.map(({ cell }) => cell(one, record)),
      ...keys.map(
        (key) => `${formatValue(key, record.metrics[key])}${key === marked && isBelowMean(record) ? " *" : ""}`,
      ),
      ...(timed ? [formatValue("train_time_sec", record.train_time_sec)] : []),
    ]),
  );
}

/** A column of what tells SAEs apart. */
interface Telling {
  readonly label: string;
  readonly cell: (one: Configuration, record: SaeRecord) => string;
}

/** What varies besides latents and k, the name where nothing else tells two SAEs apart, and the seed. */
function tellingColumns(records: readonly SaeRecord[], first: Configuration | undefined): readonly Telling[] {
  const settings = records.map(statedSettings);
  const varying = (first?.axes.varying ?? []).filter((key) => key !== "latent_dim" && key !== "k");
  const columns = varying.map((key): Telling => {
    const number = settings.every((one) => typeof (one[key] ?? 0) === "number");
    return {
      label: `${number ? ">" : ""}${infoOf(key).label.replace("origin.", "")}`,
      cell: (_, record) => {
        const value = statedSettings(record)[key] ?? null;
        return value === null ? noValue : typeof value === "number" ? formatValue(key, value) : String(value);
      },
    };
  });
  const name: Telling = { label: "SAE", cell: ({ parts }) => parts.find(({ key }) => key === "name")?.text ?? noValue };
  const seed: Telling = { label: `>${infoOf("seed").label}`, cell: (_, record) => formatValue("seed", record.seed) };
  const named = configurations(records).some(({ parts }) => parts.some(({ key }) => key === "name"));
  const seeded = new Set(records.map((record) => record.seed)).size > 1;
  return [...columns, ...(named ? [name] : []), ...(seeded ? [seed] : [])];
}

/** Mean ± standard deviation over seeds of some metrics, a line for each configuration with more than one seed. */
export function seedsTable(records: readonly SaeRecord[], keys: readonly string[]): Table {
  const several = configurations(records).filter((one) => one.records.length > 1);
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
