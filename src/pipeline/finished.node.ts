import { isFinished, readCheckpoint } from "../checkpoint/checkpoint.ts";
import { readBytes } from "../data/files.node.ts";
import { ConfigError } from "../util/errors.ts";

/** The checkpoints in some files. @throws {ConfigError} for one that cannot be read, or whose training is not finished. */
export async function finished(paths: readonly string[]) {
  const checkpoints = [];
  for (const path of paths) {
    const checkpoint = readCheckpoint(await readBytes(path), path);
    if (!isFinished(checkpoint))
      throw new ConfigError(
        `${path}: training is at epoch ${checkpoint.epochsDone} of ${checkpoint.config.epochs}; run the same train command to finish it`,
      );
    checkpoints.push({ path, checkpoint });
  }
  return checkpoints;
}
