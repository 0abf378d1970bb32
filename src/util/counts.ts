import { ConfigError } from "./errors.ts";

/** A flag's name for an option's: `latentDim` is `latent-dim`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A number of things, where it is given. @throws {ConfigError} when it is no count, with its flag. */
export function checkCount(flag: string, count: number | undefined): number | undefined {
  if (count !== undefined && !(Number.isInteger(count) && count >= 1))
    throw new ConfigError(`--${flag} must be an integer of at least 1, got ${count}`);
  return count;
}

/** Several of them by the names of options. @throws {ConfigError} for the first that is no count. */
export function checkCounts(counts: Readonly<Record<string, number | undefined>>): void {
  for (const [name, count] of Object.entries(counts)) checkCount(kebab(name), count);
}

/** Where what is drawn at random begins. @throws {ConfigError} when it is no integer. */
export function checkSeed(seed: number): void {
  if (!Number.isInteger(seed)) throw new ConfigError(`--seed must be an integer, got ${seed}`);
}
