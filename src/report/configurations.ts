import { compareRecords, compareSettings, configurationKey, type Settings, sparsityKeyOf } from "../record/identity.ts";
import type { SaeRecord } from "../record/record.ts";
import { groupBy } from "../util/group.ts";
import { type Axes, axesOf, described, inOrder, type Place, placeOn, statedSettings } from "./axes.ts";
import { type Spread, spreadOf } from "./stats.ts";

/** Records that differ by nothing but their seed, and what they measured. */
export interface Configuration {
  /** `d=512, k=5`, then what else tells it apart. */
  readonly label: string;
  /** `d=512, k=5`; with an axis that is neither, as in `d=512, lambda=0.01`. */
  readonly cell: string;
  /** What sets its grid apart from the others, e.g. `layer 14, position 3`; empty when there is one grid. */
  readonly panel: string;
  /** The parts of `panel` by key. */
  readonly parts: readonly { readonly key: string; readonly text: string }[];
  /** The plane of all configurations, and where in it this one stands. */
  readonly axes: Axes;
  readonly places: { readonly x: Place; readonly y: Place };
  /** The texts of the places. */
  readonly x: string;
  readonly y: string;
  /** The lowest seed's record; what it is holds for all. */
  readonly record: SaeRecord;
  readonly records: readonly SaeRecord[];
}

/**
 * The records grouped by everything but the seed, by panel, then latents, then k; seeds ascending. Records that are equal in all of
 * this and the seed too are no seeds of one another: each is a configuration of its own, told apart by its name.
 */
export function configurations(records: readonly SaeRecord[]): readonly Configuration[] {
  const groups = [...groupBy(records, configurationKey).values()].flatMap(seedsOrSingles);
  const axes = axesOf(groups.map(({ group }) => group[0]!));
  return groups
    .map(({ group, name }) => {
      const settings = statedSettings(group[0]!);
      return { one: configuration(group, name, axes, settings), settings };
    })
    .toSorted((a, b) => compareRecords(a.one.record, b.one.record) || compareVarying(a.settings, b.settings, axes))
    .map(({ one }) => one);
}

interface Group {
  readonly group: readonly SaeRecord[];
  /** What tells it apart where nothing else does. */
  readonly name: string;
}

function seedsOrSingles(group: readonly SaeRecord[]): readonly Group[] {
  if (new Set(group.map(({ seed }) => seed)).size === group.length)
    return [{ group: group.toSorted((a, b) => a.seed - b.seed), name: "" }];
  const before = new Map<string, number>();
  return group.map((record) => {
    const count = (before.get(record.name) ?? 0) + 1;
    before.set(record.name, count);
    return { group: [record], name: count > 1 ? `${record.name} (${count})` : record.name };
  });
}

function configuration(records: readonly SaeRecord[], name: string, axes: Axes, settings: Settings): Configuration {
  const record = records[0]!;
  const onAxis = [axes.y, axes.x].flatMap((key) => (key === "sparsity" ? (sparsityKeyOf(record) ?? []) : key));
  const inCell = [
    "latent_dim",
    ...(record.k === null ? [] : ["k"]),
    ...onAxis.filter((key) => axes.varying.includes(key)),
  ];
  const cell = [...new Set(inCell)].map((key) => described(key, settings[key])).filter(Boolean);
  const parts = axes.rest.map((key) => ({ key, text: described(key, settings[key]) }));
  const named = [...parts, { key: "name", text: name }].filter(({ text }) => text !== "");
  const panel = named.map(({ text }) => text).join(", ");
  const places = { x: placeOn(axes.x, record), y: placeOn(axes.y, record) };
  // Of several architectures each is named, also where its sparsity option would tell it.
  const told = axes.varying.includes("architecture") && ![...axes.rest, axes.x, axes.y].includes("architecture");
  const label = [...(told ? [record.architecture] : []), ...cell, panel].filter(Boolean).join(", ");
  const texts = { x: places.x.text, y: places.y.text };
  return { label, cell: cell.join(", "), panel, parts: named, axes, places, ...texts, record, records };
}

function compareVarying(a: Settings, b: Settings, { varying }: Axes): number {
  for (const key of varying) {
    const order = compareSettings(a[key], b[key]);
    if (order !== 0) return order;
  }
  return 0;
}

/** `d=512, k=5`; without k where there is none. */
export const sizesOf = ({ latent_dim, k }: Pick<SaeRecord, "latent_dim" | "k">): string =>
  k === null ? `d=${latent_dim}` : `d=${latent_dim}, k=${k}`;

/** What tells a configuration apart besides its latents and k. */
export const restOf = ({ label, record }: Configuration): string =>
  label.slice(sizesOf(record).length).replace(/^, /, "");

/** Mean and spread of a metric, or of a numeric field such as k, over a configuration's seeds. */
export function valuesOf(configuration: Configuration, key: string): Spread {
  const known = spreads.get(configuration) ?? new Map<string, Spread>();
  spreads.set(configuration, known);
  const spread = known.get(key) ?? spreadOf(configuration.records.map((record) => valueIn(record, key)));
  known.set(key, spread);
  return spread;
}

/** What was asked for before: a report sorts and filters by the same few values again and again. */
const spreads = new WeakMap<Configuration, Map<string, Spread>>();

/** Mean of a key over the seeds, `null` where nothing was measured. */
export const meanOf = (configuration: Configuration, key: string): number | null => valuesOf(configuration, key).mean;

/** A metric or a numeric field of a record; `null` where it has none. */
function valueIn(record: SaeRecord, key: string): number | null {
  const value = key in record.metrics ? record.metrics[key] : (record as unknown as Record<string, unknown>)[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** What two configurations share when they were measured on the same activations, so that comparing them means something. */
export const dataGroup = ({ record }: Configuration): string => {
  const { layer, position, input_dim, output_dim, origin } = record;
  const parts = [
    layer === null ? "" : `layer ${layer}`,
    position === null ? "" : `position ${position}`,
    origin?.group === undefined ? "" : String(origin.group),
    Number.isNaN(input_dim) ? "" : `${input_dim} dims`,
    output_dim === null ? "" : `to ${output_dim} dims`,
  ];
  return parts.filter(Boolean).join(", ");
};

/** The panels in order of appearance. */
export const panelsOf = (all: readonly Configuration[]): readonly string[] => [
  ...new Set(all.map(({ panel }) => panel)),
];

/** The places of an axis that some configurations take, in its order. */
export const placesOn = (axis: "x" | "y", all: readonly Configuration[]): readonly string[] =>
  inOrder(all.map(({ places }) => places[axis]));

/** The distinct values of a field, ascending, `null` last. */
export function distinct<F extends "k" | "latent_dim" | "layer" | "position">(
  all: readonly Configuration[],
  field: F,
): readonly SaeRecord[F][] {
  const values = [...new Set(all.map(({ record }) => record[field]))];
  return values.toSorted((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY));
}
