import { type Checkpoint, isFinished, readCheckpoint } from "../checkpoint/checkpoint.ts";
import { readBytes } from "../data/files.node.ts";
import { ConfigError } from "../util/errors.ts";

/** The checkpoint in a file's bytes. @throws {ConfigError} when it cannot be read, or its training is not finished. */
export function finishedCheckpoint(bytes: Uint8Array, path: string): Checkpoint {
  const checkpoint = readCheckpoint(bytes, path);
  if (!isFinished(checkpoint))
    throw new ConfigError(
      `${path}: training is at epoch ${checkpoint.epochsDone} of ${checkpoint.config.epochs}; run the same train command to finish it`,
    );
  return checkpoint;
}

/** The checkpoints in some files. @throws {ConfigError} for one that cannot be read, or whose training is not finished. */
export async function finished(paths: readonly string[]) {
  const checkpoints = [];
  for (const path of paths) checkpoints.push({ path, checkpoint: finishedCheckpoint(await readBytes(path), path) });
  return checkpoints;
}
