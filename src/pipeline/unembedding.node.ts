import { stat } from "node:fs/promises";
import type { MatrixChoice } from "../data/activations.ts";
import { readInput } from "../data/files.node.ts";
import { readPart } from "../data/shards/shardFiles.node.ts";
import { dataFile } from "../export/dataFiles.node.ts";
import { parseUnembedding, unembeddingPart } from "../features/unembedding.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";

/**
 * The unembedding in a file; see `parseUnembedding`. Of a model whose weights are in files beside it that matrix alone is read of them.
 * @throws {ConfigError} when there is none, or its file is missing or cut short.
 */
export async function readUnembedding(file: string, choice: MatrixChoice): Promise<HostTensor<"float32">> {
  const bytes = await readInput(file);
  const part = unembeddingPart(bytes, file);
  if (!part) return parseUnembedding(bytes, file, choice);
  const { location, tensor, from, to } = part;
  const path = await dataFile(file, location);
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined)
    throw new ConfigError(`${path}: no such file, the model keeps weights there; put it beside the model`);
  if (!(from >= 0 && from <= to && to <= size))
    throw new ConfigError(
      `${path}: cut short, it has ${size} bytes, tensor ${tensor} is bytes ${from} to ${to} of it; get the file again`,
    );
  return parseUnembedding(bytes, file, { ...choice, outside: await readPart(path, from, to) });
}
