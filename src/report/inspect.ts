import { configurationKey } from "../record/identity.ts";
import type { SaeRecord } from "../record/record.ts";
import { groupBy } from "../util/group.ts";
import { configurations, distinct, sizesOf } from "./configurations.ts";
import { formatNumber, listed } from "./format.ts";
import { knownMetrics } from "./keys.ts";

/** Rows fit to be drawn, and what was wrong with the others, one sentence each. */
export interface Inspection {
  readonly records: readonly SaeRecord[];
  readonly notes: readonly string[];
}

/**
 * The records to show, and a note for everything missing, not finite, unknown, duplicate or impossible. Nothing is filled in, and
 * nothing left out but what is there twice.
 */
export function inspectRecords(all: readonly SaeRecord[]): Inspection {
  const { records: unique, notes: duplicates } = withoutDuplicates(all);
  const { records, notes: notFinite } = withoutNotFinite(unique);
  return {
    records,
    notes: [
      ...duplicates,
      ...notFinite,
      ...unknownMetrics(records),
      ...missingValues(records),
      ...missingCells(records),
      ...impossible(records),
    ],
  };
}

function withoutDuplicates(all: readonly SaeRecord[]): Inspection {
  const groups = groupBy(all, (record) => `${configurationKey(record)} ${record.seed}`);
  const notes: string[] = [];
  const records = [...groups.values()].flatMap((group) => {
    const first = group[0]!;
    if (group.length === 1) return [first];
    const label = `${sizesOf(first)}${Number.isNaN(first.seed) ? "" : `, seed ${first.seed}`}`;
    const names = listed([...new Set(group.map(({ name }) => name))]);
    if (new Set(group.map(({ metrics }) => JSON.stringify(Object.entries(metrics).sort()))).size === 1) {
      notes.push(`${names}: ${group.length} equal records for ${label}; counted once.`);
      return [first];
    }
    notes.push(`${names}: ${group.length} records with different values for ${label}; each is shown by its name.`);
    return group;
  });
  return { records, notes };
}

function withoutNotFinite(all: readonly SaeRecord[]): Inspection {
  const notes: string[] = [];
  const records = all.map((record) => {
    const bad = Object.entries(record.metrics).filter(([, value]) => value !== null && !Number.isFinite(value));
    if (bad.length === 0) return record;
    notes.push(`${record.name}: ${listed(bad.map(([key, value]) => `${key} is ${value}`))}; shown as a gap.`);
    return { ...record, metrics: { ...record.metrics, ...Object.fromEntries(bad.map(([key]) => [key, null])) } };
  });
  return { records, notes };
}

const unknownMetrics = (records: readonly SaeRecord[]): string[] =>
  keysOf(records)
    .filter((key) => !knownMetrics.includes(key))
    .map((key) => `${key} is not a metric this tool knows; it stands in metrics.csv as it is and is not drawn.`);

function missingValues(records: readonly SaeRecord[]): string[] {
  return keysOf(records).flatMap((key) => {
    const without = records.filter(({ metrics }) => !Number.isFinite(metrics[key] ?? Number.NaN));
    if (without.length === 0) return [];
    return `${key}: no value in ${without.length} of ${records.length} records (${listed(
      without.map(({ name }) => name),
      4,
    )}).`;
  });
}

function missingCells(records: readonly SaeRecord[]): string[] {
  const all = configurations(records);
  const ks = distinct(all, "k");
  // Where sizes are not the plane, or something else sets the sparsity, no cell is expected.
  if (all.some(({ axes }) => axes.x !== "k" || axes.y !== "latent_dim") || ks.includes(null)) return [];
  const dims = distinct(all, "latent_dim");
  const gaps = [...groupBy(all, ({ panel }) => panel)].map(([panel, members]) => {
    const present = new Set(members.map(({ record }) => sizesOf(record)));
    return { panel, absent: absentSizes(dims, ks, present) };
  });
  const same = groupBy(gaps, ({ absent }) => absent);
  return [...same].flatMap(([absent, among]) => {
    if (absent === "") return [];
    const panels = among.flatMap(({ panel }) => (panel ? `(${panel})` : []));
    const where = listed(panels, 4);
    return `No SAE for ${absent}${where && ` at ${where}`}; the cells stay empty.`;
  });
}

/** The places of a plane where nothing is, in words. A plane may have far more places than there are SAEs: most are only counted. */
function absentSizes(dims: readonly number[], ks: readonly (number | null)[], present: ReadonlySet<string>): string {
  const count = dims.length * ks.length - present.size;
  const named = count > mostNamed ? mostNamed - 1 : count;
  const found: string[] = [];
  for (const latent_dim of dims)
    for (const k of ks) {
      if (found.length === named) return listed(count > named ? [...found, `${count - named} more`] : found);
      const size = sizesOf({ latent_dim, k });
      if (!present.has(size)) found.push(`(${size})`);
    }
  return listed(found);
}

/** So many places are named at most. */
const mostNamed = 6;

/** Exact-k selection keeps at least k latents alive, so a death rate above 1 - k/latent_dim was not measured on these SAEs. */
function impossible(records: readonly SaeRecord[]): string[] {
  return records.flatMap(({ name, metrics, k, latent_dim, architecture }) => {
    const rate = metrics.feature_death_rate;
    if (typeof rate !== "number") return [];
    const ceiling = architecture.startsWith("topk") && k !== null ? 1 - k / latent_dim : 1;
    if (rate >= 0 && rate <= ceiling + 5e-4) return [];
    const range = `0 to ${formatNumber(".4f", ceiling)}`;
    return `${name}: feature_death_rate is ${rate}, possible is ${range}; check the file that holds it.`;
  });
}

const keysOf = (records: readonly SaeRecord[]): string[] => [
  ...new Set(records.flatMap(({ metrics }) => Object.keys(metrics))),
];
