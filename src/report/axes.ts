import {
  compareSettings,
  fieldKeys,
  followingKeys,
  type Settings,
  settingsOf,
  sparsityKeyOf,
} from "../record/identity.ts";
import type { SaeRecord, Setting } from "../record/record.ts";
import { formatNumber, formatValue } from "./format.ts";
import { infoOf } from "./keys.ts";

/** What varies between some SAEs, and the plane it is drawn in. */
export interface Axes {
  /** Key across: k, else what sets the sparsity, else what varies; `sparsity` where not all SAEs have the same key for it. */
  readonly x: string;
  /** Key down: the number of latents, else a second key that varies. */
  readonly y: string;
  /** Every key that tells two of the SAEs apart, in the order in which labels name them. */
  readonly varying: readonly string[];
  /** Those of `varying` that the plane does not show: they make panels. */
  readonly rest: readonly string[];
}

/** What an SAE is, and whether its configuration is known at all. */
export const statedSettings = (record: SaeRecord): Settings =>
  Object.keys(record.config).length > 0
    ? settingsOf(record)
    : { ...settingsOf(record), configuration: "configuration not stated" };

/** The axes of some SAEs that differ in more than their seed. */
export function axesOf(records: readonly SaeRecord[]): Axes {
  const settings = records.map(statedSettings);
  const own = records.map(sparsityKeyOf);
  const sparsities = [...new Set(own.flatMap((key) => key ?? []))];
  // Of one kind: all have the same key for it, or none has any.
  const oneKind = new Set(own).size === 1;
  const varying = varyingKeys(settings, sparsities);
  const mayBeAxis = varying.filter((key) => isOption(key) && !followingKeys.has(key));
  const has = (key: string) => settings.some((one) => one[key] !== null && one[key] !== undefined);
  const [first, second] = !oneKind
    ? ["sparsity", ...mayBeAxis.filter((key) => !sparsities.includes(key))]
    : [...(varying.includes("k") ? ["k"] : []), ...mayBeAxis];
  const x = first ?? ["k", ...sparsities].find(has) ?? "architecture";
  const y = varying.includes("latent_dim") ? "latent_dim" : (second ?? "latent_dim");
  const plane = ["latent_dim", "k", x, y, ...(x === "sparsity" ? sparsities : [])];
  const rest = varying.filter((key) => !plane.includes(key));
  return {
    x,
    y,
    varying,
    rest: x === "sparsity" && !own.includes(undefined) ? withoutTold(rest, plane, settings) : rest,
  };
}

/** Keys of panels without the architecture and its preset, where `lambda=0.01` tells already which they are. */
function withoutTold(rest: readonly string[], plane: readonly string[], all: readonly Settings[]): readonly string[] {
  const kinds = (keys: readonly string[]) =>
    new Set(all.map((one) => JSON.stringify([...plane, ...keys].map((key) => one[key] ?? null)))).size;
  return ["preset", "architecture"].reduce((keys, told) => {
    const without = keys.filter((key) => key !== told);
    return kinds(without) === kinds(keys) ? without : keys;
  }, rest);
}

/**
 * Fields that differ, then the keys of configuration and origin that tell apart SAEs which those before leave equal: of a preset
 * and the options it sets, the preset is enough.
 */
function varyingKeys(all: readonly Settings[], sparsities: readonly string[]): readonly string[] {
  const fields = fieldKeys.filter((key) => new Set(all.map((one) => String(one[key] ?? null))).size > 1);
  const rank = (key: string) =>
    [
      key === "configuration",
      sparsities.includes(key),
      isOption(key) && !followingKeys.has(key),
      isOption(key),
      true,
    ].indexOf(true);
  const others = [...new Set(all.flatMap(Object.keys))]
    .filter((key) => !isField(key))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  let groups = all.map((one) => JSON.stringify(fields.map((key) => one[key])));
  const found: string[] = [...fields];
  for (const key of others) {
    const finer = groups.map((group, i) => `${group} ${JSON.stringify(all[i]![key])}`);
    if (new Set(finer).size === new Set(groups).size) continue;
    found.push(key);
    groups = finer;
  }
  return found;
}

const isField = (key: string): boolean => (fieldKeys as readonly string[]).includes(key);

/** Whether a key is one of the training configuration that is no field. */
const isOption = (key: string): boolean => !isField(key) && key !== "configuration" && !key.startsWith("origin.");

/** A value of an axis: how it is written, and what it is sorted by. */
export interface Place {
  readonly text: string;
  readonly of: string;
  readonly value: Setting | null | undefined;
}

/** Where an SAE stands on an axis. */
export function placeOn(key: string, record: SaeRecord): Place {
  if (key !== "sparsity") return place(key, statedSettings(record)[key]);
  const own = sparsityKeyOf(record);
  const { value, text } = place(own ?? "k", own && statedSettings(record)[own]);
  return { text: own === undefined ? "none" : `${own}=${text}`, of: own ?? "~", value };
}

function place(key: string, value: Setting | null | undefined): Place {
  const none = value === null || value === undefined;
  const text = none ? "none" : typeof value === "number" && isField(key) ? formatValue(key, value) : String(value);
  return { text, of: key, value };
}

/** The places of an axis in order, each once; what has no value comes last. */
export function inOrder(places: readonly Place[]): readonly string[] {
  const last = ({ value }: Place) => Number(value === null || value === undefined);
  const different = new Map(places.map((one) => [`${one.of} ${String(one.value)}`, one]));
  const sorted = [...different.values()].toSorted(
    (a, b) => (a.of < b.of ? -1 : a.of > b.of ? 1 : 0) || last(a) - last(b) || compareSettings(a.value, b.value),
  );
  return [...new Set(sorted.map(({ text }) => text))];
}

/** What an axis is called beside a figure. */
export const axisTitle = (key: string): string =>
  ({ k: "Sparsity Level (K)", latent_dim: "Dictionary Size (latent_dim)" })[key] ?? axisName(key);

/** What an axis is called in a legend or a table. */
export const axisName = (key: string): string =>
  ({ latent_dim: "latent_dim", sparsity: "Sparsity", architecture: "Architecture" })[key] ?? infoOf(key).label;

/** One key of an SAE as labels say it: `k=5`, `layer 14`, `lr=0.001`, `select=value`; empty where there is nothing to say. */
export function described(key: string, value: Setting | null | undefined): string {
  if (!isField(key)) {
    if (value === null || value === undefined) return "";
    return key === "configuration"
      ? String(value)
      : `${key.replace(/^origin\./, "").replace("learning_rate", "lr")}=${value}`;
  }
  if (key === "output_dim") return value === null ? "reconstructs its input" : `to ${value} dims`;
  if (typeof value === "string") return value;
  if (key === "k" && value === null) return "";
  if (typeof value !== "number") return `no ${key.replace("_", " ")}`;
  const word = { input_dim: `${value} dims`, epochs: `${value} epochs`, latent_dim: `d=${value}`, k: `k=${value}` };
  return (word as Record<string, string>)[key] ?? `${key} ${formatNumber("d", value)}`;
}
