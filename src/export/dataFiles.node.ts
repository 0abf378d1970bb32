import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { ConfigError } from "../util/errors.ts";

/**
 * Where a data file that a model names really is; the path as named where there is none. Links may lead about inside of the model's
 * folder, or of the folder the model is a link into, as in a cache whose models and weights are all links into one folder.
 * @throws {ConfigError} when they lead anywhere else: a model would have any file of this machine read.
 */
export async function dataFile(model: string, location: string): Promise<string> {
  const path = join(dirname(model), location);
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return path;
  const folders = [await realpath(dirname(model)), dirname(await realpath(model))];
  if (!folders.some((folder) => isInside(real, folder)))
    throw new ConfigError(
      `${path}: leads to ${real}, outside of the model's folder; put the file itself beside the model`,
    );
  return real;
}

/** Whether a path without links is inside of such a folder. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && way.split(sep)[0] !== "..";
}
