/** @file What a harvest is, as its folder says: so that a later run goes on with it, and no other. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readBytes, writeWhole } from "../data/files.node.ts";
import { quote } from "../data/quote.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";

/** Everything that the bytes of a harvest depend on, by the names of files. */
export type HarvestIdentity = Readonly<Record<string, unknown>>;

const version = 1;
export const manifestPath = (out: string): string => join(out, "harvest.json");

/**
 * Says in a folder which harvest its shards are of.
 * @throws {ConfigError} when there are shards of another harvest, naming what differs, or of none.
 */
export async function claimFolder(out: string, identity: HarvestIdentity): Promise<void> {
  const path = manifestPath(out);
  const before = await readBytes(path).catch((error) => {
    if (error instanceof ConfigError && (error.cause as NodeJS.ErrnoException)?.code === "ENOENT") return undefined;
    throw error;
  });
  if (before === undefined) {
    const names = await readdir(out).catch(() => [] as string[]);
    const foreign = names.find((name) => /\.(safetensors|npy|npz)$/i.test(name));
    if (foreign !== undefined)
      throw new ConfigError(`--out ${out}: holds ${foreign}, which is of no harvest; write to another folder`);
    return writeManifest(out, identity);
  }
  let known: unknown;
  try {
    known = parseSmall(new TextDecoder().decode(before));
  } catch {
    throw new ConfigError(`${path}: is damaged; move the folder away, or write to another one`);
  }
  const { harvest } = Object(known) as { harvest?: Record<string, unknown> };
  const text = (value: unknown) => JSON.stringify(value);
  const keys = [...new Set([...Object.keys(identity), ...Object.keys(harvest ?? {})])];
  const other = keys.find((key) => text(identity[key]) !== text(harvest?.[key]));
  if (other !== undefined)
    throw new ConfigError(
      `--out ${out}: holds shards of another harvest, whose ${other} is ${quote(text(harvest?.[other]) ?? "none")}, not ${quote(text(identity[other]) ?? "none")}; write to another folder`,
    );
}

/** Writes what the folder holds; `done` once all of it is there. */
export const writeManifest = (out: string, harvest: HarvestIdentity, done?: object): Promise<void> =>
  writeWhole(manifestPath(out), `${JSON.stringify({ version, harvest, ...(done ? { done } : {}) }, null, 1)}\n`);
