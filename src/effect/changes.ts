/** @file What is put in an activation's place. */
import { ConfigError } from "../util/errors.ts";
import { random } from "../util/random.ts";

/** One latent z becomes `factor z + push`. */
export interface LatentChange {
  readonly latent: number;
  readonly factor: number;
  readonly push: number;
}

/** A change of the activation, and what it is called. */
export type Change = { readonly name: string } & (
  | { readonly kind: "reconstruction" | "zero" | "mean" }
  /** What the SAE does not reconstruct stays: only what the changed latents stand for is added. */
  | { readonly kind: "latents"; readonly latents: readonly LatentChange[] }
);

/** What every measurement begins with. */
export const usual: readonly Change[] = [
  { name: "reconstruction", kind: "reconstruction" },
  { name: "zero", kind: "zero" },
  { name: "mean", kind: "mean" },
];

/** How the flags that change latents read: the number behind the colon, if there is one, and what it does. */
const flags = {
  ablate: { form: "12,40 or 12+40", takes: false, change: (latent: number) => ({ latent, factor: 0, push: 0 }) },
  scale: { form: "12:3", takes: true, change: (latent: number, factor: number) => ({ latent, factor, push: 0 }) },
  steer: { form: "12:80", takes: true, change: (latent: number, push: number) => ({ latent, factor: 1, push }) },
} as const;
export type LatentFlag = keyof typeof flags;

/**
 * The changes of a flag: those between commas one by one, those between pluses together.
 * @throws {ConfigError} for anything else.
 */
export function parseLatents(flag: LatentFlag, text: string): readonly Change[] {
  const { form, takes, change } = flags[flag];
  return text.split(",").map((group) => {
    const latents = group.split("+").map((one) => {
      const [, latent, number] = /^\s*(\d+)(?::(-?\d+(?:\.\d+)?))?\s*$/.exec(one) ?? [];
      if (latent === undefined || takes !== (number !== undefined))
        throw new ConfigError(`--${flag}: must be latents such as ${form}, got "${one.trim()}"`);
      return change(Number(latent), Number(number));
    });
    const twice = latents.find(({ latent }, i) => latents.findIndex((other) => other.latent === latent) < i);
    if (twice)
      throw new ConfigError(`--${flag}: names latent ${twice.latent} twice in "${group.trim()}"; once is enough`);
    return { name: `${flag} ${group.trim()}`, kind: "latents", latents } as const;
  });
}

/** @throws {ConfigError} for a latent that the SAE has not. */
export function checkLatents(changes: readonly Change[], latentDim: number, file: string): void {
  for (const change of changes)
    if (change.kind === "latents")
      for (const { latent } of change.latents)
        if (latent >= latentDim)
          throw new ConfigError(
            `${change.name}: ${file} has latents 0 to ${latentDim - 1}, so there is no latent ${latent}`,
          );
}

/** A copy of latents `[rows, latentDim]` with some of them changed, and whether anything differs in each row. */
export function changedLatents(z: Float32Array, latentDim: number, latents: readonly LatentChange[]) {
  const changed = z.slice();
  const rows = z.length / latentDim;
  const differs = new Uint8Array(rows);
  for (let row = 0; row < rows; row++)
    for (const { latent, factor, push } of latents) {
      const at = row * latentDim + latent;
      changed[at] = factor * z[at]! + push;
      if (changed[at] !== z[at]) differs[row] = 1;
    }
  return { changed, differs };
}

/** A random direction: a vector of length 1 that depends on the seed and the purpose alone. */
export function direction(seed: number, purpose: string, width: number): Float64Array {
  const rng = random(seed, purpose);
  const vector = Float64Array.from({ length: width }, () => rng.normal());
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  return vector.map((value) => value / length);
}

/** The rows of `x` moved as far as those of `to` are from them, each in the direction that `directionOf` gives. */
export function movedAsFar(
  x: Float32Array,
  to: Float32Array,
  width: number,
  directionOf: (row: number) => Float64Array,
): Float32Array {
  const moved = x.slice();
  for (let row = 0, at = 0; at < x.length; row++, at += width) {
    let sum = 0;
    for (let i = at; i < at + width; i++) sum += (to[i]! - x[i]!) ** 2;
    if (sum === 0) continue;
    const length = Math.sqrt(sum);
    const unit = directionOf(row);
    for (let i = 0; i < width; i++) moved[at + i] = x[at + i]! + length * unit[i]!;
  }
  return moved;
}
