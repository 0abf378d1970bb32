import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { readBytes } from "../data/files.node.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format, SourceFiles } from "./format.ts";
import { formats } from "./index.ts";

/** The files of a source that some format reads. @throws {ConfigError} when the path or one of them cannot be read. */
export async function readSource(path: string): Promise<SourceFiles> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder) return { path, files: new Map([[basename(path), await readBytes(path)]]) };
  const known = new Set(Object.values<Format>(formats).flatMap(({ needs, mayHave = [] }) => [...needs, ...mayHave]));
  const names = await readdir(path).catch((cause) => {
    throw new ConfigError(`${path}: cannot read the folder, ${cause.message}`);
  });
  const files = new Map<string, Uint8Array>();
  for (const name of names.filter((one) => known.has(one)).sort()) files.set(name, await readBytes(join(path, name)));
  for (const name of [...known].filter((one): one is string => typeof one === "string" && one.startsWith("../"))) {
    const beside = await readBytes(join(path, name)).catch(() => undefined);
    if (beside) files.set(name, beside);
  }
  const others = names.filter((one) => !known.has(one));
  return { path, files, others, within: others.length < names.length ? [] : await saesWithin(path) };
}

/** Most folders looked into, and levels of them: Gemma Scope's SAEs are three deep. */
const [mostFolders, deepest] = [2000, 3];

/** The folders under a path that have the files of some format, each as the way to it. */
async function saesWithin(path: string): Promise<string[]> {
  const all = Object.values<Format>(formats).map(({ needs }) => needs);
  const found: string[] = [];
  let open = [""];
  let seen = 0;
  for (let level = 0; level <= deepest && seen < mostFolders; level++) {
    const next: string[] = [];
    for (const folder of open.slice(0, mostFolders - seen)) {
      seen++;
      const entries = await readdir(join(path, folder), { withFileTypes: true }).catch(() => []);
      const has = (need: string | RegExp) => typeof need === "string" && entries.some(({ name }) => name === need);
      if (folder !== "" && all.some((needs) => needs.every(has))) found.push(folder);
      else next.push(...entries.flatMap((one) => (one.isDirectory() ? [join(folder, one.name)] : [])));
    }
    open = next;
  }
  const { compare } = new Intl.Collator("en", { numeric: true });
  return found.sort(compare);
}
