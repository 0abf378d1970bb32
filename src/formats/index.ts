import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { trainConfig } from "../config/config.ts";
import type { Source } from "../sae/pretrained.ts";
import type { SaidIn } from "../sae/saidIn.ts";
import { parametersOf } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { experiment } from "./experiment.ts";
import type { Format, SourceFiles, WrittenFormat } from "./format.ts";
import { gemmaScope } from "./gemmaScope.ts";
import { saelens } from "./saelens.ts";
import { sparsify } from "./sparsify.ts";

/** The name of a format that SAEs can be written in. */
export type WrittenName = keyof SaidIn;

/** Every format, by the name its SAEs carry as preset. */
export const formats: Readonly<Record<Source, Format> & Record<WrittenName, WrittenFormat>> = {
  experiment,
  saelens,
  "gemma-scope": gemmaScope,
  sparsify,
};

/** Those that SAEs can be written in. */
export const writtenNames = Object.entries<Format>(formats).flatMap(([name, { write }]) =>
  write ? [name as WrittenName] : [],
);

/** Formats that are known and not read, by what is in their folders: the reason is better than a list of what is read. */
const notRead: Readonly<Record<string, readonly string[]>> = {
  "Gemma Scope 2": ["config.json", "params.safetensors"],
  "Llama Scope": ["hyperparams.json"],
  dictionary_learning: ["ae.pt"],
  "a training checkpoint of SAELens": ["trainer_state.pt"],
};

/**
 * An SAE trained elsewhere as a finished checkpoint: no epochs, no training loss, no digest of its data.
 * @throws {ConfigError} when it is of no known format, or of one but not as it should be.
 */
export function importSae(source: SourceFiles): Checkpoint {
  const names = [...source.files.keys()];
  const has = (need: string | RegExp) =>
    names.some((name) => (typeof need === "string" ? name === need : need.test(name)));
  const format = Object.values<Format>(formats).find(({ needs }) => needs.every(has));
  const all = [...names, ...(source.others ?? [])];
  const known = Object.entries(notRead).find(([, needs]) => needs.every((need) => all.includes(need)))?.[0];
  if (!format && source.within && source.within.length > 0)
    throw new ConfigError(
      `${source.path}: is no SAE, it has ${source.within.length} in it: ${list(source.within)}; import one of them, ${source.path.replace(/\/$/, "")}/${source.within[0]}`,
    );
  if (!format)
    throw new ConfigError(
      `${source.path}: ${known ? `is ${known}, which is none` : "none"} of the formats that can be imported: ${Object.values(
        formats,
      )
        .map(({ describe }) => describe)
        .join("; ")}`,
    );
  const { architecture, source: preset, options, tensors, layer, position, origin } = format.read(source);
  const [latentDim = 0, inputDim = 0] = tensors.W_enc!.dims;
  const config = configOf(source.path, { architecture, preset, options, latentDim, inputDim });
  for (const [name, { shape }] of Object.entries(parametersOf(config))) {
    const found = tensors[name]?.dims.join(", ") ?? "missing";
    if (found !== shape.join(", "))
      throw new ConfigError(`${source.path}: ${name} is [${found}], W_enc makes it [${shape.join(", ")}]`);
  }
  return {
    config,
    tensors,
    epochsDone: 0,
    loss: [],
    dataDigest: "",
    layer,
    position,
    ...(origin ? { origin } : {}),
    metrics: {},
  };
}

/** The first of some names. */
const list = (names: readonly string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more` : names.join(", ");

function configOf(path: string, request: Parameters<typeof trainConfig>[0]) {
  try {
    return trainConfig({ ...request, epochs: 0 });
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}`);
  }
}
