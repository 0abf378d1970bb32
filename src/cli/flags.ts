import type { Options } from "yargs";
import { defaultShuffleRows, stepNames } from "../config/config.ts";
import { type ProviderName, providers, usableRuntime } from "../runtime/providers.node.ts";
import { trainable } from "../sae/index.ts";
import type { AnyOptionValues, Option } from "../sae/options.ts";
import { ConfigError } from "../util/errors.ts";

/** A required flag that takes one whole number or a list of them: `5,10,20`. */
export const integers = (describe: string) =>
  ({
    type: "string",
    describe: `${describe}; one, or a list such as 5,10`,
    demandOption: true,
  }) as const satisfies Options;

/** The numbers of such a flag. @throws {ConfigError} for anything that is no list of whole numbers, and for one given twice. */
export function parseIntegers(flag: string, text: string): number[] {
  const numbers = text.split(",").map((part) => (/^\s*-?\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.some(Number.isNaN))
    throw new ConfigError(`--${flag}: must be whole numbers such as 5 or 5,10,20, got "${text}"`);
  const twice = numbers.find((n, i) => numbers.indexOf(n) !== i);
  if (twice !== undefined) throw new ConfigError(`--${flag}: ${twice} is there twice in "${text}"`);
  return numbers;
}

export const data = {
  data: {
    type: "string",
    demandOption: true,
    describe: "activations: .safetensors, .npz, .npy or .pt; or a folder of shards, or a list: a.npy,b.npy",
    coerce: (given: string | readonly string[]): string => [given].flat().join(","),
  },
  where: {
    type: "string",
    describe: "only rows whose columns have these values: position=3,layer=0,1 or position=1..5,label!=x",
  },
  tensor: { type: "string", describe: "name of the matrix in the file [default: activations, or the only one]" },
  "train-rows": {
    type: "number",
    describe: "the first so many rows train, the rest validate [default: the set's split column, else the first 80%]",
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
    describe: "threads inside an op [default: train 1, eval all cores]; they can change the last digits",
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

/** A number of threads or jobs. @throws {ConfigError} when it is no count. */
export function checkCount(flag: string, count: number | undefined): number | undefined {
  if (count !== undefined && !(Number.isInteger(count) && count >= 1))
    throw new ConfigError(`--${flag} must be an integer of at least 1, got ${count}`);
  return count;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Every option of every architecture but `k`, which is a list of its own. */
const ownOptions = (): [string, Option, string[]][] => {
  const found = new Map<string, { option: Option; of: string[] }>();
  for (const { name: architecture, options } of trainable)
    for (const [name, option] of Object.entries(options)) {
      if (name === "k") continue;
      const known = found.get(name);
      if (known) known.of.push(architecture);
      else found.set(name, { option, of: [architecture] });
    }
  return [...found].map(([name, { option, of }]) => [name, option, of]);
};

/** Flags that say what is trained; those of the architectures come from their tables. Unset ones are left to the preset. */
export const sae = {
  architecture: { choices: trainable.map(({ name }) => name), default: "topk", describe: "what kind of SAE" },
  preset: { type: "string", describe: `named set of options: ${presetNames()} [default: the first]` },
  "latent-dim": integers("number of latents"),
  k: integers("latents kept per row"),
  epochs: { type: "number", default: 25, describe: "times every training row is seen" },
  "batch-size": { type: "number", default: 256, describe: "rows per step; the last batch of an epoch is what is left" },
  "learning-rate": { type: "number", default: 1e-3, describe: "Adam's learning rate" },
  "shuffle-rows": {
    type: "number",
    default: defaultShuffleRows,
    describe: "rows shuffled at a time; with more, an epoch is a shuffle of blocks, then of such windows",
  },
  step: {
    choices: stepNames,
    describe: "how the training step is written; equal to float rounding [default: the faster]",
  },
  retire: {
    type: "number",
    describe:
      "step live: rows that would move by less than this part of their length in all are left alone till kept again; 0 never [default: 2^-24]",
  },
  seed: { type: "number", default: 0, describe: "seed of the first weights and of the order of rows" },
  seeds: { type: "string", describe: "several seeds, such as 0,1,2: every SAE once with each, for its spread" },
  ...(Object.fromEntries(
    ownOptions().map(([name, option, of]) => [
      kebab(name),
      {
        describe: `${option.describe} (${of.join(", ")})`,
        ...(option.type === "choice"
          ? { choices: option.choices }
          : { type: option.type === "boolean" ? "boolean" : "number" }),
      } as Options,
    ]),
  ) as Record<never, Options>),
} as const satisfies Record<string, Options>;

function presetNames(): string {
  return trainable.map(({ name, presets }) => `${name} has ${Object.keys(presets).join(", ")}`).join("; ");
}

/** The architecture's options among the flags: those that were given. */
export function saeOptions(flags: Readonly<Record<string, unknown>>): AnyOptionValues {
  const given = ownOptions().map(([name]) => [name, flags[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as AnyOptionValues;
}
