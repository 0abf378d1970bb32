import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { originOf } from "../checkpoint/origin.ts";
import { trainConfig } from "../config/config.ts";
import { readSafetensors } from "../data/safetensors.ts";
import type { Source } from "../sae/pretrained.ts";
import type { SaidIn } from "../sae/saidIn.ts";
import { parametersOf } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { dictionaryLearning } from "./dictionaryLearning.ts";
import { experiment } from "./experiment.ts";
import type { Format, SourceFiles, WrittenFormat } from "./format.ts";
import { gemmaScope } from "./gemmaScope.ts";
import { gemmaScope2 } from "./gemmaScope2.ts";
import { llamaScope, llamaScopeR1 } from "./llamaScope.ts";
import { openai } from "./openai.ts";
import { qwenScope } from "./qwenScope.ts";
import { saelens } from "./saelens.ts";
import { sparsify } from "./sparsify.ts";

/** The name of a format that SAEs can be written in. */
export type WrittenName = keyof SaidIn;

/** Every format, by the name its SAEs carry as preset. */
export const formats: Readonly<Record<Source, Format> & Record<WrittenName, WrittenFormat>> = {
  saelens,
  sparsify,
  "dictionary-learning": dictionaryLearning,
  "gemma-scope": gemmaScope,
  "gemma-scope-2": gemmaScope2,
  "llama-scope": llamaScope,
  openai,
  "qwen-scope": qwenScope,
  experiment,
};

/** All that files are tried for: of those of one name, those that tell from what is in them come first. */
export const readFormats: readonly Format[] = [...Object.values<Format>(formats), llamaScopeR1];

/** Those that SAEs can be written in. */
export const writtenNames = Object.entries<Format>(formats).flatMap(([name, { write }]) =>
  write ? [name as WrittenName] : [],
);

/**
 * An SAE trained elsewhere as a finished checkpoint: no epochs, no training loss, no digest of its data.
 * @throws {ConfigError} when it is of no known format, or of one but not as it should be.
 */
export function importSae(source: SourceFiles, onNote: (note: string) => void = () => {}): Checkpoint {
  const names = [...source.files.keys()];
  const has = (need: string | RegExp) =>
    names.some((name) => (typeof need === "string" ? name === need : need.test(name)));
  const format = readFormats.find(({ needs, is = () => true }) => needs.every(has) && is(source));
  if (!format && [...source.files.values()].some((bytes) => isCheckpoint(bytes, source.path)))
    throw new ConfigError(
      `${source.path}: is an SAE of this tool already; export takes it as it is, eval and attach the .onnx files beside it`,
    );
  if (!format)
    throw new ConfigError(
      `${source.path}: none of the formats that can be imported: ${readFormats.map(({ describe }) => describe).join("; ")}`,
    );
  if (source.normFactor !== undefined && !format.takesFactor)
    throw new ConfigError(`${source.path}: its inputs are taken as they are; leave --norm-factor out`);
  const { architecture, source: preset, options, tensors, outputDim, skip, notes = [], ...read } = format.read(source);
  // Matching pursuit has no encoder of its own: its decoder's rows are as wide as its input.
  const [latentDim = 0, inputDim = 0] = (tensors.W_enc ?? tensors.W_dec)!.dims;
  const request = { architecture, preset, options, latentDim, inputDim, outputDim, skip };
  const config = configOf(source.path, request);
  const parameters = parametersOf(config);
  for (const [name, { shape }] of Object.entries(parameters)) {
    const found = tensors[name]?.dims.join(", ") ?? "missing";
    if (found !== shape.join(", "))
      throw new ConfigError(`${source.path}: ${name} is [${found}], W_enc makes it [${shape.join(", ")}]`);
  }
  const kept = Object.fromEntries(Object.entries(tensors).filter(([name]) => Object.hasOwn(parameters, name)));
  for (const [name, { data }] of Object.entries(kept)) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new ConfigError(
        `${source.path}: ${name}: element ${at} is ${data[at]} once all is folded in; a weight must be finite`,
      );
  }
  for (const note of notes) onNote(note);
  const { layer, position } = read;
  const origin = originOf({ ...source.known, ...read.origin });
  return {
    config,
    tensors: kept,
    epochsDone: 0,
    loss: [],
    dataDigest: "",
    layer,
    position,
    ...(origin ? { origin } : {}),
    metrics: {},
  };
}

/** Whether a file is a checkpoint of ours. */
function isCheckpoint(bytes: Uint8Array, file: string): boolean {
  try {
    return readSafetensors(bytes, file).metadata.format === "sae-onnx";
  } catch {
    return false;
  }
}

function configOf(path: string, request: Parameters<typeof trainConfig>[0]) {
  try {
    return trainConfig({ ...request, epochs: 0 });
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}`);
  }
}
