import { mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { destinationOf } from "./destination.node.ts";
import { removeLeftovers, temporaryIn } from "./temporary.node.ts";

/** Writes a regular file or a new one whole or not at all, as `replaceWith`; a pipe or a device is written through. */
export async function writeThroughOrWhole(path: string, content: Uint8Array | string): Promise<void> {
  await makeFolder(dirname(path));
  const { path: target, through } = await destinationOf(path);
  await (through ? writeFile(target, content) : replace(target, (temporary) => writeFile(temporary, content)));
}

/** Replaces a regular file, or makes a new one and its folder: `fill` fills a temporary file beside it. Throws for anything else. */
export async function replaceWith(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await makeFolder(dirname(path));
  const { path: target, through } = await destinationOf(path);
  if (through) throw new Error("is a pipe or a device; name a file");
  await replace(target, fill);
}

/** By a temporary name beside it, to disk, then renamed; mode and owner stay what they were. */
async function replace(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await removeLeftovers(dirname(path));
  const temporary = await temporaryIn(dirname(path));
  try {
    const file = await open(temporary, "wx");
    try {
      await fill(temporary);
      const before = await stat(path).catch(() => undefined);
      // Only root may give files away, and some file systems know no owners.
      await (before && file.chown(before.uid, before.gid).catch(() => {}));
      await (before && file.chmod(before.mode).catch(() => {}));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** As mkdir with `recursive`, which never comes back where the system makes no folders (Linux's /proc). */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const exists = await stat(path).catch(() => null);
    if (exists?.isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((again) => {
      if (again.code !== "EEXIST") throw again;
    });
  }
}
