import { ConfigError } from "../util/errors.ts";

/** One option of an architecture: read by the command line, the docs and the check below. */
export type Option =
  | {
      readonly type: "integer";
      readonly min: number;
      readonly max?: "latentDim";
      readonly default?: number;
      readonly describe: string;
    }
  | { readonly type: "number"; readonly min: number; readonly default: number; readonly describe: string }
  | { readonly type: "boolean"; readonly default: boolean; readonly describe: string }
  | {
      readonly type: "choice";
      readonly choices: readonly string[];
      readonly default: string;
      readonly describe: string;
    };

export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { type: "integer" | "number" }
  ? number
  : O extends { type: "boolean" }
    ? boolean
    : O extends { choices: readonly (infer C)[] }
      ? C
      : never;

/** The values of some options, typed. */
export type OptionValues<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

/** Option values whose architecture is not known to the compiler. */
export type AnyOptionValues = Readonly<Record<string, number | boolean | string>>;

/** The dims every SAE has. */
export interface Dims {
  readonly inputDim: number;
  readonly latentDim: number;
}

/**
 * A complete set of options: what was given, then the preset's, then the defaults; each checked.
 * @throws {ConfigError} for an unknown option, a missing one, or a value out of its range.
 */
export function completeOptions(
  what: string,
  options: Options,
  preset: AnyOptionValues,
  given: AnyOptionValues,
  dims: Dims,
) {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(options, name));
  if (unknown !== undefined)
    throw new ConfigError(`${what} has no option ${unknown}; it has ${Object.keys(options).join(", ")}`);
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => {
      const value = given[name] ?? preset[name] ?? option.default;
      if (value === undefined) throw new ConfigError(`${name} is missing: ${option.describe}; ${what} needs it`);
      check(name, option, value, dims);
      return [name, value];
    }),
  );
}

function check(name: string, option: Option, value: unknown, { latentDim }: Dims): void {
  if (option.type === "integer") {
    const max = option.max ? latentDim : Number.MAX_SAFE_INTEGER;
    if (!Number.isInteger(value) || (value as number) < option.min || (value as number) > max) {
      const range = option.max ? `from ${option.min} to latentDim = ${latentDim}` : `of at least ${option.min}`;
      throw new ConfigError(`${name} must be an integer ${range}, got ${value}`);
    }
  } else if (option.type === "number") {
    if (typeof value !== "number" || !Number.isFinite(value) || value < option.min)
      throw new ConfigError(`${name} must be a number of at least ${option.min}, got ${value}`);
  } else if (option.type === "boolean") {
    if (typeof value !== "boolean") throw new ConfigError(`${name} must be true or false, got ${value}`);
  } else if (!option.choices.includes(value as string))
    throw new ConfigError(`${name} must be one of ${option.choices.join(", ")}, got ${value}`);
}
