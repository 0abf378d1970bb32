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
  return { path, files, others: names.filter((one) => !known.has(one)) };
}
