/** @file Flags that say what is trained and how: made from the tables of options, and read back by them. Every one may be a list. */
import type { Options as YargsOptions } from "yargs";
import { stepNames } from "../config/config.ts";
import { defaultShuffleRows, trainOptions } from "../config/trainOptions.ts";
import { hasOption, type OptimizerName, optimizerNames, optimizerOptions } from "../optim/index.ts";
import { trainable } from "../sae/index.ts";
import { ConfigError } from "../util/errors.ts";
import { limitOf, type Option, type Options, type OptionValue } from "../util/options.ts";
import { kebab } from "./flags.ts";

/** Flags as yargs gives them. */
type Given = Readonly<Record<string, unknown>>;

/** An option of some architecture or optimizer, and which have it. */
interface Owned {
  readonly option: Option;
  readonly of: readonly string[];
}

/** The options of all architectures, the first one's description where several have one of a name. */
function architectureOptions(): Readonly<Record<string, Owned>> {
  const found: Record<string, { option: Option; of: string[] }> = {};
  for (const { name: architecture, options } of trainable)
    for (const [name, option] of Object.entries(options)) {
      found[name] ??= { option, of: [] };
      found[name].of.push(architecture);
    }
  return found;
}

const ofArchitectures = architectureOptions();
const latentDim: Option = { type: "integer", min: 1, describe: "number of latents" };
/** Everything that may be a list, in the order in which a grid's lists change, slowest first. */
const listed: Readonly<Record<string, Option>> = {
  latentDim,
  ...Object.fromEntries(Object.entries(ofArchitectures).map(([name, { option }]) => [name, option])),
  ...(({ seed: _, ...rest }) => rest)(trainOptions as Options),
  ...optimizerOptions,
  seed: trainOptions.seed,
};

/** Who has an option, for its line of help; nothing where everybody has. */
function ownersOf(name: string): string {
  const architectures = ofArchitectures[name]?.of ?? [];
  const optimizers = Object.hasOwn(optimizerOptions, name)
    ? optimizerNames.filter((one: OptimizerName) => hasOption(one, name))
    : [];
  const owners = architectures.length > 0 ? architectures : optimizers.length < optimizerNames.length ? optimizers : [];
  return owners.length > 0 ? ` (${owners.join(", ")})` : "";
}

function flagOf(name: string, option: Option, group: string): YargsOptions {
  const isOwned = Object.hasOwn(ofArchitectures, name);
  const standard = option.default === undefined || isOwned ? "" : ` [default: ${option.default}]`;
  const choices = option.type === "choice" ? `: ${option.choices.join(", ")}` : "";
  const describe = `${option.describe}${choices}${ownersOf(name)}${/\[.*\]$/.test(option.describe) ? "" : standard}`;
  // A flag that is true by itself has no type: yargs then takes `--flag`, `--no-flag` and `--flag true,false`.
  return { describe, group, ...(option.type === "boolean" ? {} : { type: "string" }) };
}

/** The flags of some options, by kebab-case name. */
const flagsOf = (options: Options, group: string): Record<string, YargsOptions> =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [kebab(name), flagOf(name, option, group)]));

const [what, how] = ["What is trained (any may be a list: 5,10)", "How it is trained (any may be a list)"];
const presetNames = trainable.map(({ name, presets }) => `${name} has ${Object.keys(presets).join(", ")}`).join("; ");
const { latentDim: _, ...rest } = listed;
const isOfArchitecture = (name: string) => Object.hasOwn(ofArchitectures, name);
const among = (wanted: boolean): Options =>
  Object.fromEntries(Object.entries(rest).filter(([name]) => isOfArchitecture(name) === wanted));

/** The first of these flags: which architecture, and its options. */
export const architectureFlags = {
  architecture: {
    choices: trainable.map(({ name }) => name),
    default: "topk",
    describe: "what kind of SAE",
    group: what,
  },
  preset: { type: "string", describe: `named set of options: ${presetNames} [default: the first]`, group: what },
  ...(flagsOf(among(true), what) as Record<never, YargsOptions>),
} as const satisfies Record<string, YargsOptions>;

/** Values to try things with, for the options of an architecture that have no default: k 4, a coefficient of .01. */
export const trialOptions = (architecture: string): Given =>
  Object.fromEntries(
    Object.entries(trainable.find(({ name }) => name === architecture)?.options ?? {}).flatMap(([name, option]) =>
      option.default === undefined ? [[kebab(name), option.type === "integer" ? "4" : "0.01"]] : [],
    ),
  );

/** Flags that say what is trained and how. Unset ones are left to the preset, then to the defaults. */
export const trainFlags = {
  ...architectureFlags,
  ...(flagsOf({ latentDim }, what) as Record<never, YargsOptions>),
  ...(flagsOf(among(false), how) as Record<never, YargsOptions>),
  seeds: { type: "string", describe: "the same as --seed with a list", group: how },
  "shuffle-rows": {
    type: "number",
    default: defaultShuffleRows,
    describe: "rows shuffled at a time; with more, an epoch is a shuffle of blocks, then of such windows",
    group: how,
  },
  step: {
    choices: stepNames,
    describe: "how the training step is written; equal to float rounding [default: the faster]",
    group: how,
  },
  retire: {
    type: "number",
    describe:
      "step live: a row that is no longer kept is left alone once it would move by less than this share of its length; 0: never [default: 2^-24]",
    group: how,
  },
  calibrate: {
    type: "number",
    describe:
      "share of the training rows that no step sees; the finished threshold lets them keep k latents on average (batchtopk) [default: 0.1]",
    group: how,
  },
} as const satisfies Record<string, YargsOptions>;

/**
 * The lists of values that were given, by the names of configurations.
 * @throws {ConfigError} for a value that is none of its option's type, one that is there twice, a missing option, and contradictions.
 */
export function listsOf(verb: string, given: Given): Record<string, readonly OptionValue[]> {
  const values = given.seeds === undefined ? given : { ...given, seed: given.seeds };
  if (given.seeds !== undefined && given.seed !== undefined)
    throw new ConfigError("--seed and --seeds say the same thing; give one of them");
  const missing = missingOptions(given);
  if (missing.length > 0)
    throw new ConfigError(
      `${verb}: ${missing.map((name) => `--${kebab(name)}`).join(", ")} ${missing.length > 1 ? "are" : "is"} missing; sae-onnx ${verb} --help shows an example`,
    );
  return Object.fromEntries(
    Object.entries(listed).flatMap(([name, option]) => {
      const value = values[kebab(name)];
      const flag = name === "seed" && given.seeds !== undefined ? "seeds" : kebab(name);
      return value === undefined ? [] : [[name, parsedList(flag, option, value)]];
    }),
  );
}

/** What has no default and was not given: the number of latents, and options of the chosen architecture. */
function missingOptions(given: Given): readonly string[] {
  const chosen = trainable.find(({ name }) => name === given.architecture);
  const preset = chosen?.presets[String(given.preset ?? Object.keys(chosen.presets)[0])] ?? {};
  const needed = Object.entries(chosen?.options ?? {}).flatMap(([name, option]) =>
    option.default === undefined && preset[name] === undefined ? [name] : [],
  );
  return ["latentDim", ...needed].filter((name) => given[kebab(name)] === undefined);
}

function parsedList(flag: string, option: Option, value: unknown): readonly OptionValue[] {
  if (typeof value === "boolean") return [value];
  const parts = String(value)
    .split(",")
    .map((part) => part.trim());
  const values = parts.map((part) => parsed(flag, option, part, String(value)));
  const again = values.findIndex((one, i) => values.indexOf(one) !== i);
  if (again >= 0) {
    const [first, second] = [parts[values.indexOf(values[again]!)]!, parts[again]!];
    const what = first === second ? `${first} is there twice` : `${first} and ${second} are the same number`;
    throw new ConfigError(`--${flag}: ${what} in "${value}"`);
  }
  return values;
}

function parsed(flag: string, option: Option, part: string, whole: string): OptionValue {
  const wrong = (need: string) =>
    new ConfigError(`--${flag}: must be ${need}, got "${part}"${part === whole ? "" : ` in "${whole}"`}`);
  if (option.type === "integer") {
    if (!/^-?\d+$/.test(part)) throw wrong("whole numbers such as 5 or 5,10,20");
    return Number(part);
  }
  if (option.type === "number") {
    if (part === "" || Number.isNaN(Number(part))) throw wrong("numbers such as 0.1 or 1e-3,3e-4");
    return Number(part);
  }
  if (option.type === "boolean") {
    if (part !== "true" && part !== "false") throw wrong("true or false, or both: true,false");
    return part === "true";
  }
  if (option.type === "limit") {
    const limit = part === "none" ? part : limitOf(part);
    if (limit === undefined) throw wrong("a size such as 2500, a multiple such as 10x, or none");
    return limit;
  }
  return part;
}
