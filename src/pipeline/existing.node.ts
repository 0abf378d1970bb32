import { type Checkpoint, isFinished, readCheckpoint } from "../checkpoint/checkpoint.ts";
import { readTrainingState } from "../checkpoint/trainingState.ts";
import type { TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import type { DataInfo } from "../data/describe.ts";
import { readBytes } from "../data/files.node.ts";
import { parseMetrics } from "../record/metricsFile.ts";
import type { MetricsFile } from "../record/record.ts";
import { ConfigError } from "../util/errors.ts";

/** What to do about files that are in the way. */
const remedy = "use --force to replace it, or another --name or --out";

/** The bytes of a file, or `undefined` where there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return readBytes(path).catch((error) => {
    if ((error.cause as { code?: string } | undefined)?.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Where the state of a finished training lies, with which it can go on. */
export const statePath = (checkpoint: string): string => checkpoint.replace(/\.safetensors$/, ".state.safetensors");

/**
 * The checkpoint at a path, finished or not, or `undefined` where there is none. One of fewer epochs than are asked for now goes on
 * from where it is; a finished one is read with the state beside it.
 * @throws {ConfigError} when it is of another configuration or other data, or cannot go on.
 */
export async function existingCheckpoint(
  path: string,
  config: TrainConfig,
  { digest }: DataInfo,
): Promise<Checkpoint | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const checkpoint = readCheckpoint(bytes, path);
  const [old, wanted] = [configToJson(checkpoint.config), configToJson(config)];
  const more = config.epochs > checkpoint.config.epochs;
  const key = Object.keys({ ...old, ...wanted }).find(
    (one) => old[one] !== wanted[one] && !(more && (one === "epochs" || one === "total_steps")),
  );
  if (key)
    throw new ConfigError(`${path}: was trained with ${key} = ${old[key]}, now asked for ${wanted[key]}; ${remedy}`);
  if (checkpoint.dataDigest !== digest)
    throw new ConfigError(`${path}: was trained on other data or another split; ${remedy}`);
  return more ? goingOn(path, checkpoint, config) : checkpoint;
}

/** What is wrong with the bytes of a checkpoint; nothing where they are sound, and where there is none. */
export async function damageIn(path: string): Promise<string | undefined> {
  const bytes = await readIfThere(path);
  try {
    if (bytes) readCheckpoint(bytes, path);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A checkpoint as the beginning of a longer training. */
async function goingOn(path: string, checkpoint: Checkpoint, config: TrainConfig): Promise<Checkpoint> {
  if (config.totalSteps !== checkpoint.config.totalSteps)
    throw new ConfigError(
      `${path}: its schedule was laid out for ${checkpoint.config.epochs} epochs, it cannot go on to ${config.epochs}; start from its weights with --init-from, or ${remedy}`,
    );
  if (!isFinished(checkpoint)) return { ...checkpoint, config };
  const file = statePath(path);
  const bytes = await readIfThere(file);
  if (!bytes)
    throw new ConfigError(
      `${path}: is finished after ${checkpoint.epochsDone} epochs, and its training state ${file} is not there to go on from; start from its weights with --init-from, or ${remedy}`,
    );
  return { ...checkpoint, config, tensors: readTrainingState(bytes, file, checkpoint), metrics: {} };
}

/**
 * An earlier metrics file, or `undefined` where there is none.
 * @throws {ConfigError} when the file is damaged or of other data; with `force` it is given up instead.
 */
export async function existingMetrics(
  path: string,
  { digest }: DataInfo,
  force: boolean,
): Promise<MetricsFile | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  try {
    const file = parseMetrics(new TextDecoder().decode(bytes), path);
    if (file.data.digest === digest) return file;
    throw new ConfigError(`${path}: holds metrics of other data or another split; ${remedy}`);
  } catch (error) {
    if (force) return undefined;
    throw error;
  }
}
