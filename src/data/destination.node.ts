import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Where writing to a path leads: a file to be replaced or made, or a pipe or character device to be written through. */
export interface Destination {
  /** With its links followed, also one to a file that is not there yet. */
  readonly path: string;
  readonly through: boolean;
}

/** Where a path leads. Throws for a folder and whatever else is no file. */
export async function destinationOf(path: string): Promise<Destination> {
  const found = await stat(path).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!found) return { path: await endOf(path), through: false };
  if (found.isFile()) return { path: await realpath(path), through: false };
  if (found.isFIFO() || found.isCharacterDevice()) return { path, through: true };
  throw new Error(`is a ${found.isDirectory() ? "folder" : found.isSocket() ? "socket" : "disk"}; name a file`);
}

/** The end of links of which the last names nothing. */
async function endOf(path: string): Promise<string> {
  const link = await lstat(path).catch(() => undefined);
  if (!link?.isSymbolicLink()) return path;
  return endOf(resolve(await realpath(dirname(path)), await readlink(path)));
}
