import { ConfigError } from "./errors.ts";

/**
 * The sizes in `64:256:1024`, each larger than the one before, `whole` at the end. Numbers below 1 are shares of `whole`, rounded to 1 or
 * more; shares that come to the same size count once.
 * @throws {ConfigError} when they do not ascend, or are no sizes.
 */
export function sizesIn(name: string, text: unknown, whole: number): readonly number[] {
  const wrong = (why: string) =>
    new ConfigError(
      `${name} must be ascending sizes such as 64:256:1024, or shares such as 0.25:0.5, got ${text}: ${why}`,
    );
  if (typeof text !== "string") throw wrong("no text");
  const numbers = text.split(":").map(Number);
  const bad = numbers.findIndex((one) => !(one > 0) || (one >= 1 && !Number.isSafeInteger(one)));
  if (bad >= 0) throw wrong(`"${text.split(":")[bad]}" is neither a whole number nor a share`);
  const fall = numbers.findIndex((one, i) => i > 0 && one <= numbers[i - 1]!);
  if (fall >= 0) throw wrong(`${numbers[fall]} follows ${numbers[fall - 1]}`);
  const large = numbers.find((one) => one > whole);
  if (large !== undefined) throw wrong(`${large} is more than latentDim = ${whole}`);
  const sizes = [...new Set(numbers.map((one) => (one < 1 ? Math.max(1, Math.round(one * whole)) : one))), whole];
  const mixed = sizes.findIndex((one, i) => i > 0 && i < sizes.length - 1 && one <= sizes[i - 1]!);
  if (mixed >= 0) throw wrong(`of latentDim = ${whole} that is ${sizes.slice(0, -1).join(":")}`);
  return [...new Set(sizes)];
}
