import type { SaeRecord } from "../record/record.ts";
import { formatNumber } from "./format.ts";
import { groupBy } from "./group.ts";
import { type Spread, spreadOf } from "./stats.ts";

/** Rows that differ by nothing but their seed, and what they measured. */
export interface Configuration {
  /** `d=512, k=5`, then the panel where there are several. */
  readonly label: string;
  /** What sets this grid of (latent_dim, k) apart from the others, e.g. `layer 14, position 3`; empty when there is one grid. */
  readonly panel: string;
  /** The lowest seed's row; its fields other than seed, name, time and metrics hold for all. */
  readonly row: SaeRecord;
  readonly rows: readonly SaeRecord[];
}

/** Fields that, where they differ, make another grid of (latent_dim, k). */
const panelFields = ["architecture", "preset", "provider", "input_dim", "epochs", "layer", "position"] as const;

/** The rows grouped by everything but the seed; by panel, then latents, then k; seeds ascending. */
export function configurations(rows: readonly SaeRecord[]): readonly Configuration[] {
  const varying = panelFields.filter((field) => new Set(rows.map((row) => String(row[field]))).size > 1);
  const groups = groupBy(rows, (row) => configurationKey(row));
  return [...groups.values()]
    .map((group) => {
      const sorted = group.toSorted((a, b) => a.seed - b.seed);
      const row = sorted[0]!;
      const panel = varying.map((field) => describe(field, row[field])).join(", ");
      return { label: [cellLabel(row), panel].filter(Boolean).join(", "), panel, row, rows: sorted };
    })
    .toSorted((a, b) => compareFields(a.row, b.row));
}

/** What two rows share exactly when they differ by nothing but their seed (and what was measured). */
export const configurationKey = (row: SaeRecord): string =>
  JSON.stringify([...panelFields.map((field) => String(row[field])), row.latent_dim, row.k]);

/** `d=512, k=5`; without k where there is none. */
export const cellLabel = ({ latent_dim, k }: Pick<SaeRecord, "latent_dim" | "k">): string =>
  k === null ? `d=${latent_dim}` : `d=${latent_dim}, k=${k}`;

/** Mean and spread of a metric, or of a numeric field such as k, over a configuration's seeds. */
export const valuesOf = (configuration: Configuration, key: string): Spread =>
  spreadOf(configuration.rows.map((row) => rowValue(row, key)));

/** Mean of a key over the seeds, `null` where nothing was measured. */
export const meanOf = (configuration: Configuration, key: string): number | null => valuesOf(configuration, key).mean;

/** A metric or a numeric field of a row; `null` where it has none. */
export function rowValue(row: SaeRecord, key: string): number | null {
  const value = key in row.metrics ? row.metrics[key] : (row as unknown as Record<string, unknown>)[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** What two configurations share when they were measured on the same activations, so that comparing them means something. */
export const dataGroup = ({ row }: Configuration): string => {
  const place = [
    row.layer === null ? "" : `layer ${row.layer}`,
    row.position === null ? "" : `position ${row.position}`,
  ];
  return [...place, Number.isNaN(row.input_dim) ? "" : `${row.input_dim} dims`].filter(Boolean).join(", ");
};

/** The panels in order of appearance. */
export const panelsOf = (all: readonly Configuration[]): readonly string[] => [
  ...new Set(all.map(({ panel }) => panel)),
];

/** The distinct values of a field, ascending, `null` last. */
export function distinct<F extends "k" | "latent_dim" | "layer" | "position">(
  all: readonly Configuration[],
  field: F,
): readonly SaeRecord[F][] {
  const values = [...new Set(all.map(({ row }) => row[field]))];
  return values.toSorted((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY));
}

function describe(field: (typeof panelFields)[number], value: string | number | null): string {
  if (typeof value === "string") return value;
  if (value === null || Number.isNaN(value)) return `no ${field.replace("_", " ")}`;
  return (
    { input_dim: `${value} dims`, epochs: `${value} epochs` }[field as string] ?? `${field} ${formatNumber("d", value)}`
  );
}

function compareFields(a: SaeRecord, b: SaeRecord): number {
  for (const field of [...panelFields, "latent_dim", "k"] as const) {
    const [x, y] = [a[field], b[field]];
    const order = typeof x === "string" ? x.localeCompare(String(y), "en") : (x ?? -1) - ((y as number | null) ?? -1);
    if (order) return order;
  }
  return 0;
}
