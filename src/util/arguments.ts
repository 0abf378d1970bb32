import { ConfigError } from "./errors.ts";
import { type HostTensor, sizeOf } from "./tensor.ts";

/** What an argument must be: a test, and words for it. */
export interface Kind {
  readonly is: (value: unknown) => boolean;
  readonly words: string;
}

/** Arguments of a call by name: each with what it must be. */
export type Arguments = Readonly<Record<string, readonly [unknown, Kind]>>;

/** @throws {ConfigError} when an argument is not what it must be, with its name, what was expected and what was given. */
export function checkArguments(call: string, given: Arguments): void {
  for (const [name, [value, { is, words }]] of Object.entries(given))
    if (!is(value)) throw new ConfigError(`${call}: ${name} must be ${words}, got ${inWords(value)}`);
}

/** @throws {ConfigError} when options are no object, or have one that the call does not know. */
export function checkOptions(call: string, options: unknown, known: readonly string[]): void {
  checkArguments(call, { options: [options, anObject(`{ ${known.join(", ")} }, each of which may be left out`)] });
  const unknown = Object.keys(options as object).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`${call}: there is no option ${unknown}; there are ${known.join(", ")}`);
}

type Fields = Readonly<Record<string, (value: unknown) => boolean>>;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** An object with these fields, in words of the caller. */
export const anObject = (words: string, fields: Fields = {}): Kind => ({
  is: (value) => isObject(value) && Object.entries(fields).every(([name, is]) => is(value[name])),
  words,
});

export const aString: Kind = { is: (value) => typeof value === "string", words: "a text" };
/** A list, each of a kind where one is given. */
export const listOf = (words: string, { is }: Pick<Kind, "is"> = { is: () => true }): Kind => ({
  is: (value) => Array.isArray(value) && value.every(is),
  words,
});

export const oneOf = (values: readonly string[]): Kind => ({
  is: (value) => values.includes(value as string),
  words: `one of ${values.join(", ")}`,
});

/** What may also be left out. */
export const optional = ({ is, words }: Kind): Kind => ({ is: (value) => value === undefined || is(value), words });

/** Either of two. */
export const either = (a: Kind, b: Kind): Kind => ({
  is: (value) => a.is(value) || b.is(value),
  words: `${a.words}, or ${b.words}`,
});

export const isTensor = (value: unknown): value is HostTensor =>
  isObject(value) &&
  typeof value.dtype === "string" &&
  Array.isArray(value.dims) &&
  ArrayBuffer.isView(value.data) &&
  (value.data as unknown as ArrayLike<unknown>).length === sizeOf(value.dims);

/** A float32 matrix, whose sides have names. */
export const matrix = (sides: string): Kind => ({
  is: (value) => isTensor(value) && value.dtype === "float32" && value.dims.length === 2,
  words: `a float32 tensor ${sides}: { dtype: "float32", dims, data: Float32Array }, as tensor("float32", dims, data) makes it`,
});

/** What was given, in a few words. */
export function inWords(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return `a function ${value.name}`.trim();
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isTensor(value)) return `a ${value.dtype} tensor [${value.dims.join(", ")}]`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value);
  const shown = keys.length > 6 ? [...keys.slice(0, 6), "…"] : keys;
  return keys.length === 0 ? "an object without fields" : `an object { ${shown.join(", ")} }`;
}
