import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../data/replace.node.ts";
import { removeLeftovers, temporaryIn } from "../data/temporary.node.ts";
import { ConfigError } from "../util/errors.ts";
import { writeError } from "../util/fileErrors.ts";

/**
 * Checks that a folder may be written whole: it is not there, is empty, or holds `mark`, a file by which its kind is known.
 * @throws {ConfigError} when it holds something else.
 */
export async function checkReplaceable(path: string, mark: string): Promise<void> {
  const found = await readdir(path).catch((error): string[] => {
    if (error.code === "ENOENT") return [];
    throw writeError(path, error);
  });
  if (found.length > 0 && !found.includes(mark))
    throw new ConfigError(`${path}: is there and holds other files; name another folder with --out`);
}

/**
 * Writes a folder whole or not at all: `fill` fills a temporary one beside it, which then takes its place.
 * @throws {ConfigError} when it cannot be written, or holds other files; whatever was there before stays.
 */
export async function writeFolder(
  path: string,
  mark: string,
  fill: (write: (name: string, content: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await checkReplaceable(path, mark);
  const parent = dirname(path);
  const rethrow = (error: unknown): never => {
    throw error instanceof Error && "code" in error ? writeError(path, error) : error;
  };
  await makeFolder(parent).catch(rethrow);
  await removeLeftovers(parent);
  const [filled, before] = [await temporaryIn(parent), await temporaryIn(parent)];
  try {
    await mkdir(filled);
    await fill(async (name, content) => {
      if (dirname(name) !== ".") await mkdir(join(filled, dirname(name)), { recursive: true });
      await writeFile(join(filled, name), content, { flag: "a" });
    });
    const moved = await rename(path, before).then(
      () => true,
      (error) => {
        if (error.code === "ENOENT") return false;
        throw error;
      },
    );
    await rename(filled, path).catch(async (error) => {
      if (moved) await rename(before, path);
      throw error;
    });
  } catch (error) {
    rethrow(error);
  } finally {
    for (const one of [filled, before]) await rm(one, { recursive: true, force: true }).catch(() => {});
  }
}
