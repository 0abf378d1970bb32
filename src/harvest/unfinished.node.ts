import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseSmall } from "../util/json.ts";

/** The file in which a folder says which harvest its shards are of. */
export const manifestPath = (out: string): string => join(out, "harvest.json");

/** Whether a file is a shard of a harvest, by its name or the way to it. */
export const isShard = (path: string): boolean => /^shard-\d+\.safetensors$/.test(basename(path));

/** How many shards a folder has of a harvest that has not come to its end; `undefined` where it has, or the folder is of none. */
export async function shardsOfUnfinished(folder: string): Promise<number | undefined> {
  // Of several places each has a folder in that of the harvest.
  for (const out of [folder, dirname(folder)]) {
    const text = await readFile(manifestPath(out), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    try {
      const { harvest, done } = parseSmall(text) as { readonly harvest?: object; readonly done?: object };
      if (harvest === undefined || done !== undefined) return undefined;
    } catch {
      return undefined;
    }
    const names = await readdir(folder).catch(() => []);
    const shards = names.filter(isShard).length;
    return shards > 0 ? shards : undefined;
  }
  return undefined;
}
