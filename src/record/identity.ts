import { architectures } from "../sae/index.ts";
import type { SaeRecord, Setting } from "./record.ts";

/** Fields of a record that say what it is, in the order in which records stand. */
export const fieldKeys = [
  ...(["architecture", "preset", "provider", "input_dim", "output_dim", "epochs", "layer", "position"] as const),
  ...(["latent_dim", "k"] as const),
] as const;

/** Keys of a configuration that follow from its sizes and the data unless they are asked for. */
export const followingKeys: ReadonlySet<string> = new Set(["step", "retire", "calibrate", "shuffle_rows"]);

/** By key what an SAE is, but for its seed; `null` and absent where there is none. */
export type Settings = Readonly<Record<string, Setting | null>>;

/** Fields, then the keys of the configuration that are no fields, then `origin.KEY`. A number that is not stated is `null`. */
export function settingsOf(record: SaeRecord): Settings {
  const own = new Set<string>([...fieldKeys, "seed"]);
  return Object.fromEntries([
    ...fieldKeys.map((key) => [key, Number.isNaN(record[key]) ? null : record[key]]),
    ...Object.entries(record.config).filter(([key]) => !own.has(key)),
    ...Object.entries(record.origin ?? {}).map(([key, value]) => [`origin.${key}`, value]),
  ]);
}

/** What two records share exactly when they differ by nothing but their seed, their name and what was measured. */
export const configurationKey = (record: SaeRecord): string =>
  JSON.stringify(Object.entries(settingsOf(record)).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The key of the architecture's option that sets how sparse an SAE is; `undefined` where none is known. */
export function sparsityKeyOf({ architecture, k }: SaeRecord): string | undefined {
  const known = Object.hasOwn(architectures, architecture)
    ? (architectures as Readonly<Record<string, { readonly sparsity?: string }>>)[architecture]
    : undefined;
  const option = known?.sparsity?.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return k === null ? option : "k";
}

/** Orders records by their fields; numbers ascending, what is not stated first. */
export function compareRecords(a: SaeRecord, b: SaeRecord): number {
  for (const key of fieldKeys) {
    const order = compareSettings(a[key], b[key]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Orders two values of one key: numbers ascending, words by the alphabet, what is not stated first. */
export function compareSettings(a: Setting | null | undefined, b: Setting | null | undefined): number {
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b, "en");
  return numberOf(a) - numberOf(b);
}

const numberOf = (value: Setting | null | undefined): number =>
  value === null || value === undefined || Number.isNaN(value) ? -1 : Number(value) || 0;
