import type { Options } from "yargs";
import { type LogName, logNames } from "../pipeline/log/names.ts";
import { type ProviderName, providers, usableRuntime } from "../runtime/providers.node.ts";
import { ConfigError } from "../util/errors.ts";

export { checkCount, kebab } from "../util/counts.ts";

export const data = {
  data: {
    type: "string",
    demandOption: true,
    describe: "activations: .safetensors, .npz, .npy or .pt; or a folder of shards, or a list: a.npy,b.npy",
    coerce: (given: string | readonly string[]): string => [given].flat().join(","),
  },
  where: {
    type: "string",
    describe:
      "only rows whose columns have these values: position=3,layer=0,1, position=1..5,label!=x or 'token=\" of\"'",
  },
  tensor: { type: "string", describe: "name of the matrix in the file [default: activations, or the only one]" },
  "train-rows": {
    type: "number",
    describe: "the first so many rows train, the rest validate [default: the set's split column, else the first 80%]",
  },
} as const satisfies Record<string, Options>;

/** How rows are divided: into groups with SAEs of their own, and into those that train and those that validate. */
export const division = {
  by: {
    type: "string",
    describe: "columns whose values make groups, each with SAEs of its own: layer,position; the same as sae-onnx sweep",
  },
  split: { type: "number", describe: "share of the rows that train, such as 0.8" },
  "split-by": {
    type: "string",
    describe: "with --split: a column of which no value is on both sides, such as a text's or a problem's number",
  },
} as const satisfies Record<string, Options>;

export const log = {
  log: {
    type: "string",
    describe: `write the losses and metrics of trainings for other programs too: ${logNames.join(", ")}, or both`,
  },
} as const satisfies Record<string, Options>;

/** The logs that are asked for. @throws {ConfigError} for one that there is not. */
export function parseLogs(text: string | undefined): readonly LogName[] {
  return (text?.split(",") ?? []).map((part) => {
    const name = logNames.find((one) => one === part.trim());
    if (name === undefined) throw new ConfigError(`--log: must be of ${logNames.join(", ")}, got "${part}"`);
    return name;
  });
}

/** What a transcoder is to reconstruct. */
export const target = {
  target: {
    type: "string",
    describe:
      "a transcoder: what is to be reconstructed of each row, a file of as many rows [default: the rows of --data]",
  },
  "target-tensor": {
    type: "string",
    describe: "name of the targets' matrix, in --target or, without it, in --data",
  },
} as const satisfies Record<string, Options>;

/** Bytes that a set larger than memory is read within. */
export const memory = {
  memory: {
    type: "string",
    default: "2GB",
    describe: "resident memory to stay within when data are larger; does not change the result",
  },
} as const satisfies Record<string, Options>;

/** Bytes of a size such as `2GB`, `500MB` or `1.5GiB`. @throws {ConfigError} when it is none. */
export function parseBytes(flag: string, text: string): number {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b)\s*$/i.exec(text) ?? [];
  if (!number || !unit) throw new ConfigError(`--${flag}: must be a size such as 2GB or 500MB, got "${text}"`);
  const base = unit.length === 3 ? 1024 : 1000;
  return Math.floor(Number(number) * base ** ("kmgt".indexOf(unit[0]!.toLowerCase()) + 1));
}

export const machine = {
  provider: {
    choices: Object.keys(providers) as ProviderName[],
    default: "cpu" as ProviderName,
    describe: "what runs the models; one that cannot be used here is an error that says why",
  },
  tf32: {
    type: "boolean",
    default: true,
    describe: "let CUDA round products to TF32; --no-tf32 is slower and as exact as float32",
  },
  threads: {
    type: "number",
    describe: "threads inside an op; they can change the last digits [default: eval all cores, train a part of them]",
  },
} as const satisfies Record<string, Options>;

/** Says to CUDA what `--no-tf32` asks; before the first session, and inherited by the training process. */
export function applyTf32(tf32: boolean): void {
  if (!tf32) process.env.NVIDIA_TF32_OVERRIDE = "0";
}

/** @throws {ConfigError} when a provider cannot be used here; before anything is read or written. */
export async function checkProvider(provider: ProviderName): Promise<void> {
  await usableRuntime(provider);
}

export const json = {
  type: "boolean",
  default: false,
  describe: "print the numbers as JSON, and nothing else, on stdout",
} as const;
