import type { TrainConfig } from "../config/config.ts";
import { configFromJson, configToJson } from "../config/json.ts";
import { crc32 } from "../data/crc32.ts";
import { quote } from "../data/quote.ts";
import { readSafetensors, toTensor, writeSafetensors } from "../data/safetensors.ts";
import { parametersOf, statesOf } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { bytesOf, type HostTensor } from "../util/tensor.ts";
import { metadataIn } from "./metadata.ts";
import type { Origin } from "./origin.ts";

/** Versions of the checkpoint's layout: between two epochs, and within one, of which older releases know nothing. */
const versions = { between: "1", within: "2" } as const;

export type Weights = Readonly<Record<string, HostTensor<"float32">>>;

/** A trained SAE, or one in training: all tensors in canonical dense form, and everything to know what they are. */
export interface Checkpoint {
  readonly config: TrainConfig;
  /** Parameters (`W_enc`, ...) and what the architecture carries (`threshold`); while training goes on all its state. */
  readonly tensors: Weights;
  /** Epochs done; `config.epochs` when finished. */
  readonly epochsDone: number;
  /** Mean training loss of each epoch done, weighted by rows. */
  readonly loss: readonly number[];
  /** How many latents each resampling of dead latents reset. */
  readonly resampled?: readonly number[] | undefined;
  /** Where it is in the epoch under way; nothing between two epochs. */
  readonly within?: { readonly rows: number; readonly loss: number } | undefined;
  /** Digest of the activations and their split (`describeData`). */
  readonly dataDigest: string;
  readonly layer: number | null;
  readonly position: number | null;
  /** Where it was imported from, or where the rows come from that it was trained on here; nothing where that is not known. */
  readonly origin?: Origin | null | undefined;
  /** On CUDA, whether its products may have been rounded to TF32; elsewhere there is no such thing. */
  readonly tf32?: "on" | "off" | undefined;
  /**
   * Threads inside an op while it trained, which the last digits depend on; default 1, `null` where they were not the same all the way.
   * On GPUs there is no such thing.
   */
  readonly threads?: number | null | undefined;
  /** Metrics of the finished SAE by their keys in files; empty before. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** What a finished SAE is made of: its parameters and what its architecture carries, with their shapes. */
export const tensorsOf = (config: TrainConfig): Readonly<Record<string, { readonly shape: readonly number[] }>> => ({
  ...parametersOf(config),
  ...statesOf(config),
});

/** Whether no epoch is left to train. */
export const isFinished = ({ config, epochsDone }: Checkpoint): boolean => epochsDone >= config.epochs;

/** The bytes of a checkpoint (.safetensors). The same checkpoint gives the same bytes: no times, hosts or paths. */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { config, epochsDone, loss, resampled, dataDigest, layer, position, origin, metrics, tf32 } = checkpoint;
  const { threads = 1, within } = checkpoint;
  const lasting = Object.keys(tensorsOf(config));
  const kept = Object.entries(checkpoint.tensors).filter(([name]) => !isFinished(checkpoint) || lasting.includes(name));
  return writeSafetensors(Object.fromEntries(kept), {
    format: "sae-onnx",
    version: within ? versions.within : versions.between,
    config: JSON.stringify(configToJson(config)),
    epochs_done: String(epochsDone),
    loss: JSON.stringify(loss),
    ...(resampled ? { resampled: JSON.stringify(resampled) } : {}),
    ...(within ? { within: JSON.stringify(within) } : {}),
    data_digest: dataDigest,
    layer: String(layer),
    position: String(position),
    ...(origin ? { origin: JSON.stringify(origin) } : {}),
    metrics: JSON.stringify(metrics),
    ...(tf32 ? { tf32 } : {}),
    ...(threads === 1 ? {} : { threads: String(threads) }),
    ...(isFinished(checkpoint) ? {} : { state_crc32: checksum(Object.fromEntries(kept)) }),
  });
}

/** CRC-32 of each tensor's bytes, in order: a training does not go on from a state that a disk has damaged. */
const checksum = (tensors: Weights): string =>
  Object.values(tensors)
    .map((one) => crc32(bytesOf(one)).toString(16).padStart(8, "0"))
    .join("");

/** A checkpoint from its bytes. @throws {ConfigError} when the file is damaged, of another version, or none of ours. */
export function readCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { metadata, tensors: stored } = readSafetensors(bytes, file);
  if (
    metadata.format !== "sae-onnx" ||
    metadata.version !== (metadata.within === undefined ? versions.between : versions.within)
  )
    throw new ConfigError(
      `${file}: not a checkpoint of this version (format ${quote(metadata.format ?? "unknown")}, version ${quote(metadata.version ?? "unknown")}); sae-onnx train writes them`,
    );
  const { config: json, ...rest } = metadataIn(metadata, file);
  const config = configFromJson(json, file);
  const tensors = Object.fromEntries([...stored].map(([name, one]) => [name, toTensor(one)]));
  for (const [name, { dtype, dims }] of Object.entries(tensors))
    if (dtype !== "float32")
      throw new ConfigError(
        `${file}: ${quote(name)} is ${dtype} [${dims.join(", ")}], a checkpoint holds float32; train again`,
      );
  for (const [name, { shape }] of Object.entries(tensorsOf(config))) {
    const found = tensors[name] ? `[${tensors[name].dims.join(", ")}]` : "missing";
    if (found !== `[${shape.join(", ")}]`)
      throw new ConfigError(`${file}: ${name} is ${found}, its configuration needs [${shape.join(", ")}]; train again`);
  }
  if (metadata.state_crc32 !== undefined && metadata.state_crc32 !== checksum(tensors as Weights))
    throw new ConfigError(`${file}: its tensors have another checksum than when they were written; train again`);
  if (rest.epochsDone > config.epochs)
    throw new ConfigError(
      `${file}: ${rest.epochsDone} epochs are done of ${config.epochs}; its metadata are damaged, train again`,
    );
  return { config, tensors: tensors as Weights, ...rest };
}
