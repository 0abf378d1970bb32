import { configFromJson, configToJson } from "../config/json.ts";
import { quote } from "../data/quote.ts";
import { readSafetensors, toTensor, writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import { sameTensor } from "../util/tensor.ts";
import type { Checkpoint, Weights } from "./checkpoint.ts";

/** What the files say they are. */
const [format, version] = ["sae-onnx training state", "1"];

/**
 * The bytes of what a finished checkpoint does not keep of its training (.safetensors): with it the training can go on for more epochs.
 * Tensors that the checkpoint has are left out.
 */
export function writeTrainingState({ config, tensors }: Checkpoint, state: Weights): Uint8Array {
  const more = Object.entries(state).filter(([name, one]) => !tensors[name] || !sameTensor(tensors[name], one));
  return writeSafetensors(Object.fromEntries(more), { format, version, config: JSON.stringify(configToJson(config)) });
}

/**
 * A finished training as it stood after its last epoch: all its state, from the checkpoint and the file beside it.
 * @throws {ConfigError} when the file is none of these, damaged, or of another training.
 */
export function readTrainingState(bytes: Uint8Array, file: string, checkpoint: Checkpoint): Weights {
  const { metadata, tensors } = readSafetensors(bytes, file);
  if (metadata.format !== format || metadata.version !== version)
    throw new ConfigError(
      `${file}: no training state of this version (format ${quote(metadata.format ?? "unknown")}, version ${quote(metadata.version ?? "unknown")}); train again`,
    );
  let config: unknown;
  try {
    config = configToJson(configFromJson(parseSmall(metadata.config ?? ""), file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${file}: its metadata "config" is damaged; train again`);
  }
  if (JSON.stringify(config) !== JSON.stringify(configToJson(checkpoint.config)))
    throw new ConfigError(`${file}: is of another training than the checkpoint beside it; train again`);
  const more = Object.fromEntries([...tensors].map(([name, one]) => [name, toTensor(one)]));
  return { ...checkpoint.tensors, ...(more as Weights) };
}
