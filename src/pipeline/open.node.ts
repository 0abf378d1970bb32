import { isPipe, readActivations } from "../data/files.node.ts";
import { openShards, shardPaths } from "../data/shards/shardSet.node.ts";
import type { Where } from "../data/where.ts";
import { ConfigError } from "../util/errors.ts";
import type { AnySet } from "./dataset.node.ts";
import { defaultMemory } from "./memory.ts";

/** Share of the memory that one file's float32 activations may take and still be held as a whole, here and in every training process. */
const share = 1 / 8;

/**
 * The activations a path names: a file, a folder of shards, or a list of them separated by commas. One file is read whole where
 * it is small beside `memory` (bytes, default 2 GB) or cannot be read otherwise; all else is read by windows. Both train to the
 * same bytes.
 * @throws {ConfigError} when something is missing, damaged, or does not fit.
 */
export async function openActivations(
  text: string,
  {
    tensor,
    where = {},
    memory = defaultMemory,
  }: {
    readonly tensor?: string | undefined;
    readonly where?: Where;
    readonly memory?: number | undefined;
  } = {},
): Promise<AnySet> {
  const paths = await shardPaths(text);
  const [path] = paths as [string];
  if (paths.length === 1 && (/\.(npz|pt)$/i.test(path) || (await isPipe(path))))
    return readActivations(path, { tensor, where });
  for (const one of paths)
    if (await isPipe(one))
      throw new ConfigError(`${one}: a pipe is read once and whole, not as one of several; give it alone, or files`);
  const other = paths.find((one) => !/\.(safetensors|npy)$/i.test(one));
  if (other !== undefined)
    throw new ConfigError(
      `${other}: unknown extension; activations are read from .safetensors, .npz, .npy or .pt files, shards from .safetensors or .npy`,
    );
  if (paths.length === 1 && path === text) {
    const set = await openShards(paths, { tensor, where, source: path }).catch(() => undefined);
    // What no shard can be is read whole, or refused with the reason.
    if (!set || set.rows * set.inputDim * 4 <= memory * share) return readActivations(path, { tensor, where });
    return set;
  }
  return openShards(paths, { tensor, where, source: paths.length > 1 && text.includes(path) ? path : text });
}

/** Flags that name activations, and a transcoder's targets. */
export interface GivenData {
  readonly data: string;
  readonly tensor?: string | undefined;
  readonly where?: Where;
  readonly target?: string | undefined;
  readonly "target-tensor"?: string | undefined;
}

/**
 * Activations, and what a transcoder is to reconstruct of each row; no `target` where rows are to be reconstructed as they are. Where one
 * of the two is read by windows, so is the other.
 * @throws {ConfigError} when something is missing, damaged, or does not fit.
 */
export async function openData(
  { data, tensor, where = {}, target: file, "target-tensor": targetTensor }: GivenData,
  memory: number,
): Promise<{ set: AnySet; target: AnySet | undefined }> {
  const set = await openActivations(data, { tensor, where, memory });
  if (file === undefined && targetTensor === undefined) return { set, target: undefined };
  const openTarget = (bytes: number) => openActivations(file ?? data, { tensor: targetTensor, where, memory: bytes });
  const target = await openTarget("shards" in set ? 0 : memory);
  const again = "shards" in target && !("shards" in set);
  return { set: again ? await openActivations(data, { tensor, where, memory: 0 }) : set, target };
}
