import { configurationKey } from "../record/identity.ts";
import type { SaeRecord } from "../record/record.ts";
import { configurations, distinct, panelsOf, sizesOf } from "./configurations.ts";
import { formatNumber, listed } from "./format.ts";
import { groupBy } from "./group.ts";
import { knownMetrics } from "./keys.ts";

/** Rows fit to be drawn, and what was wrong with the others, one sentence each. */
export interface Inspection {
  readonly rows: readonly SaeRecord[];
  readonly notes: readonly string[];
}

/**
 * The rows to show, and a note for everything missing, not finite, unknown, duplicate or impossible. Nothing is filled in, and
 * nothing left out but what is there twice.
 */
export function inspectRows(all: readonly SaeRecord[]): Inspection {
  const { rows: unique, notes: duplicates } = withoutDuplicates(all);
  const { rows, notes: notFinite } = withoutNotFinite(unique);
  return {
    rows,
    notes: [
      ...duplicates,
      ...notFinite,
      ...unknownMetrics(rows),
      ...missingValues(rows),
      ...missingCells(rows),
      ...impossible(rows),
    ],
  };
}

function withoutDuplicates(all: readonly SaeRecord[]): Inspection {
  const groups = groupBy(all, (row) => `${configurationKey(row)} ${row.seed}`);
  const notes: string[] = [];
  const rows = [...groups.values()].flatMap((group) => {
    const first = group[0]!;
    if (group.length === 1) return [first];
    const label = `${sizesOf(first)}${Number.isNaN(first.seed) ? "" : `, seed ${first.seed}`}`;
    const names = listed([...new Set(group.map(({ name }) => name))]);
    if (new Set(group.map(({ metrics }) => JSON.stringify(Object.entries(metrics).sort()))).size === 1) {
      notes.push(`${names}: ${group.length} equal rows for ${label}; counted once.`);
      return [first];
    }
    notes.push(`${names}: ${group.length} rows with different values for ${label}; each is shown by its name.`);
    return group;
  });
  return { rows, notes };
}

function withoutNotFinite(all: readonly SaeRecord[]): Inspection {
  const notes: string[] = [];
  const rows = all.map((row) => {
    const bad = Object.entries(row.metrics).filter(([, value]) => value !== null && !Number.isFinite(value));
    if (bad.length === 0) return row;
    notes.push(`${row.name}: ${listed(bad.map(([key, value]) => `${key} is ${value}`))}; shown as a gap.`);
    return { ...row, metrics: { ...row.metrics, ...Object.fromEntries(bad.map(([key]) => [key, null])) } };
  });
  return { rows, notes };
}

const unknownMetrics = (rows: readonly SaeRecord[]): string[] =>
  keysOf(rows)
    .filter((key) => !knownMetrics.includes(key))
    .map((key) => `${key} is not a metric this tool knows; it stands in metrics.csv as it is and is not drawn.`);

function missingValues(rows: readonly SaeRecord[]): string[] {
  return keysOf(rows).flatMap((key) => {
    const without = rows.filter(({ metrics }) => !Number.isFinite(metrics[key] ?? Number.NaN));
    if (without.length === 0) return [];
    return `${key}: no value in ${without.length} of ${rows.length} rows (${listed(
      without.map(({ name }) => name),
      4,
    )}).`;
  });
}

function missingCells(rows: readonly SaeRecord[]): string[] {
  const all = configurations(rows);
  const ks = distinct(all, "k");
  // Where sizes are not the plane, or something else sets the sparsity, no cell is expected.
  if (all.some(({ axes }) => axes.x !== "k" || axes.y !== "latent_dim") || ks.includes(null)) return [];
  const expected = distinct(all, "latent_dim").flatMap((latent_dim) => ks.map((k) => sizesOf({ latent_dim, k })));
  const gaps = panelsOf(all).map((panel) => {
    const inPanel = all.filter((one) => one.panel === panel);
    const present = new Set(inPanel.map(({ record }) => sizesOf(record)));
    return { panel, absent: listed(expected.filter((label) => !present.has(label)).map((label) => `(${label})`)) };
  });
  const same = groupBy(gaps, ({ absent }) => absent);
  return [...same].flatMap(([absent, among]) => {
    if (absent === "") return [];
    const panels = among.flatMap(({ panel }) => (panel ? `(${panel})` : []));
    const where = listed(panels, 4);
    return `No row for ${absent}${where && ` at ${where}`}; the cells stay empty.`;
  });
}

/** Exact-k selection keeps at least k latents alive, so a death rate above 1 - k/latent_dim was not measured on these SAEs. */
function impossible(rows: readonly SaeRecord[]): string[] {
  return rows.flatMap(({ name, metrics, k, latent_dim, architecture }) => {
    const rate = metrics.feature_death_rate;
    if (typeof rate !== "number") return [];
    const ceiling = architecture.startsWith("topk") && k !== null ? 1 - k / latent_dim : 1;
    if (rate >= 0 && rate <= ceiling + 5e-4) return [];
    const range = `0 to ${formatNumber(".4f", ceiling)}`;
    return `${name}: feature_death_rate is ${rate}, possible is ${range}; check the file that holds it.`;
  });
}

const keysOf = (rows: readonly SaeRecord[]): string[] => [
  ...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics))),
];
