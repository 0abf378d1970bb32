import { z } from "zod";
import { parseSmall } from "../util/json.ts";

/** Where an imported SAE comes from, by snake_case key: the model, the hook, the layer, as its own files say. */
export type Origin = Readonly<Record<string, string | number>>;

export const originSchema = z.record(z.string(), z.union([z.string(), z.number()]));

/** The entries whose value is text or a number; `null` where there is none. */
export function originOf(entries: Readonly<Record<string, unknown>>): Origin | null {
  const known = Object.entries(entries).filter(
    (entry): entry is [string, string | number] =>
      (typeof entry[1] === "string" && entry[1] !== "") || Number.isFinite(entry[1]),
  );
  return known.length > 0 ? Object.fromEntries(known) : null;
}

/** An origin in plain words: `model gpt2-small, hook blocks.8.hook_resid_pre, layer 8`. */
export const originText = (origin: Origin): string =>
  Object.entries(origin)
    .map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`)
    .join(", ");

/** The origin that the metadata of anybody's file state; `null` where they state none. */
export function originInMetadata({ origin }: Readonly<Record<string, string>>): Origin | null {
  try {
    return originOf(z.record(z.string(), z.unknown()).parse(parseSmall(origin ?? "null")));
  } catch {
    return null;
  }
}
