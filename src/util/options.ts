import { ConfigError } from "./errors.ts";
import { sizesIn } from "./sizes.ts";

/** What every kind of option says of itself. */
interface Described {
  /** One line, as `--help` prints it. */
  readonly describe: string;
  /** Left out of files where it has its default: for options that older files do not know. */
  readonly quiet?: true;
}

/** One option: read by the command line, the docs, the files and the check below. Without a default it must be given. */
export type Option = Described &
  (
    | { readonly type: "integer"; readonly min: number; readonly max?: number | "latentDim"; readonly default?: number }
    | {
        readonly type: "number";
        readonly min: number;
        /** Largest allowed; default: none. */
        readonly max?: number | "latentDim";
        /** `min` (or `max`) itself is not allowed. */
        readonly open?: "min" | "max";
        readonly default?: number;
      }
    | { readonly type: "boolean"; readonly default: boolean }
    /** Text such as `64:256:1024`: see sizes.ts. */
    | { readonly type: "sizes"; readonly default: string }
    | { readonly type: "choice"; readonly choices: readonly string[]; readonly default: string }
    /** A size, or how many times a usual one: "2500", "10x"; or "none". */
    | { readonly type: "limit"; readonly default: string }
  );

export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { type: "integer" | "number" }
  ? number
  : O extends { type: "boolean" }
    ? boolean
    : O extends { type: "sizes" | "limit" }
      ? string
      : O extends { choices: readonly (infer C)[] }
        ? C
        : never;

/** The values of some options, typed. */
export type OptionValues<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

export type OptionValue = number | boolean | string;

/** Option values whose table is not known to the compiler. */
export type AnyOptionValues = Readonly<Record<string, OptionValue>>;

/** What a range may refer to. */
interface Sizes {
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
  sizes: Sizes,
) {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(options, name));
  if (unknown !== undefined)
    throw new ConfigError(
      `${what} has no option ${unknown}; it has ${Object.keys(options).join(", ") || "none at all"}`,
    );
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => {
      const value = [given[name], preset[name], option.default].find((one) => one !== undefined);
      if (value === undefined) throw new ConfigError(`${name} is missing: ${option.describe}; ${what} needs it`);
      checkFilledIn(name, option, value, { given, preset }, sizes);
      return [name, value];
    }),
  );
}

/** @throws {ConfigError} as `checkOption`; of a value that nobody gave it says where it comes from. */
function checkFilledIn(
  name: string,
  option: Option,
  value: OptionValue,
  { given, preset }: { readonly given: AnyOptionValues; readonly preset: AnyOptionValues },
  sizes: Sizes,
): void {
  try {
    checkOption(name, option, value, sizes);
  } catch (error) {
    if (given[name] !== undefined || !(error instanceof ConfigError)) throw error;
    const whose = preset[name] === undefined ? "its default" : "the preset's own";
    throw new ConfigError(`${error.message}, ${whose}; give another ${name}`);
  }
}

/** @throws {ConfigError} when a value is not of the option's type, or out of its range. */
export function checkOption(name: string, option: Option, value: unknown, sizes: Sizes): void {
  const { latentDim } = sizes;
  if (option.type === "integer") {
    const max = option.max === "latentDim" ? latentDim : (option.max ?? Number.MAX_SAFE_INTEGER);
    if (!Number.isSafeInteger(value) || (value as number) < option.min || (value as number) > max) {
      const largest = option.max === "latentDim" ? `latentDim = ${latentDim}` : option.max;
      const range = largest === undefined ? `of at least ${option.min}` : `from ${option.min} to ${largest}`;
      throw new ConfigError(`${name} must be an integer ${range}, got ${value}`);
    }
  } else if (option.type === "number") {
    const { min, open } = option;
    const max = option.max === "latentDim" ? latentDim : (option.max ?? Number.POSITIVE_INFINITY);
    const inside =
      typeof value === "number" &&
      Number.isFinite(value) &&
      (open === "min" ? value > min : value >= min) &&
      (open === "max" ? value < max : value <= max);
    if (!inside) throw new ConfigError(`${name} must be a number ${rangeOf(option, sizes)}, got ${value}`);
  } else if (option.type === "boolean") {
    if (typeof value !== "boolean") throw new ConfigError(`${name} must be true or false, got ${value}`);
  } else if (option.type === "sizes") sizesIn(name, value, latentDim);
  else if (option.type === "limit") {
    if (value !== "none" && limitOf(String(value)) !== value)
      throw new ConfigError(`${name} must be a size such as "2500", a multiple such as "10x", or "none", got ${value}`);
  } else if (!option.choices.includes(value as string))
    throw new ConfigError(`${name} must be one of ${option.choices.join(", ")}, got ${value}`);
}

/** A limit as configurations have it; `undefined` where a text is none. */
export function limitOf(text: string): string | undefined {
  const [, number, times] = /^([^x]+)(x?)$/.exec(text.trim()) ?? [];
  const size = Number(number);
  return size > 0 && Number.isFinite(size) ? `${size}${times}` : undefined;
}

function rangeOf({ min, max: most, open }: Option & { type: "number" }, { latentDim }: Sizes): string {
  const max = most === "latentDim" ? `latentDim = ${latentDim}` : most;
  const low = open === "min" ? `above ${min}` : max === undefined ? `of at least ${min}` : `from ${min}`;
  if (max === undefined) return low;
  return `${low} to ${open === "max" ? "below " : ""}${max}`;
}
