import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { destinationOf } from "./destination.node.ts";

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

/** By a temporary name beside it, to disk, then renamed. */
const replace = (path: string, fill: (temporary: string) => Promise<void>): Promise<void> =>
  // write-file-atomic writes with one call and does not notice when the system takes only a part
  // (a full disk, more than 2 GiB); fs.writeFile goes on until all is written or fails.
  writeFileAtomic(path, "", { tmpfileCreated: fill });

/** As mkdir with `recursive`, which never comes back where the system makes no folders (Linux's /proc). */
async function makeFolder(path: string): Promise<void> {
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
