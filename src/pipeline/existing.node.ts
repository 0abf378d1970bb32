import { type Checkpoint, readCheckpoint } from "../checkpoint/checkpoint.ts";
import { configToJson, type TrainConfig } from "../config/config.ts";
import { readBytes } from "../data/files.node.ts";
import { parseMetrics } from "../record/metricsFile.ts";
import type { DataInfo, SaeRecord } from "../record/record.ts";
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

/**
 * The checkpoint at a path, finished or not, or `undefined` where there is none.
 * @throws {ConfigError} when it is of another configuration or other data.
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
  const key = Object.keys({ ...old, ...wanted }).find((one) => old[one] !== wanted[one]);
  if (key)
    throw new ConfigError(`${path}: was trained with ${key} = ${old[key]}, now asked for ${wanted[key]}; ${remedy}`);
  if (checkpoint.dataDigest !== digest)
    throw new ConfigError(`${path}: was trained on other data or another split; ${remedy}`);
  return checkpoint;
}

/**
 * The records of an earlier metrics file, none where there is no file.
 * @throws {ConfigError} when the file is damaged or of other data; with `force` its records are given up instead.
 */
export async function existingRows(path: string, { digest }: DataInfo, force: boolean): Promise<readonly SaeRecord[]> {
  const bytes = await readIfThere(path);
  if (!bytes) return [];
  try {
    const file = parseMetrics(new TextDecoder().decode(bytes), path);
    if (file.data.digest === digest) return file.rows;
    throw new ConfigError(`${path}: holds metrics of other data or another split; ${remedy}`);
  } catch (error) {
    if (force) return [];
    throw error;
  }
}
