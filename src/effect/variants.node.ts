/** @file The rows that each change, and each of its controls, puts in the place of a batch's rows. */
import { type Change, changedLatents, direction, movedAsFar } from "./changes.ts";
import type { OpenSae } from "./sae.node.ts";

/** Where a row is, for what is drawn for it. */
export interface RowPlace {
  readonly text: number;
  readonly position: number;
}

/** One thing to measure: a change, or random directions that go as far. */
export interface Variant {
  readonly name: string;
  readonly change: Change;
  /** The number of the draw; none for the change itself. */
  readonly draw?: number;
}

/** The changes, each with as many controls; ablations have none. */
export const variantsOf = (changes: readonly Change[], controls: number): readonly Variant[] =>
  changes.flatMap((change): Variant[] => [
    { name: change.name, change },
    ...(change.kind === "zero" || change.kind === "mean" ? [] : Array.from({ length: controls }, (_, i) => i + 1)).map(
      (draw) => ({ name: `${change.name}: random ${draw}`, change, draw }),
    ),
  ]);

/** Whether a change adds the same to every row: then so do its controls, one direction for all. */
const isPush = ({ kind, ...change }: Change): boolean =>
  kind === "latents" && "latents" in change && change.latents.every(({ factor }) => factor === 1);

interface Making {
  readonly sae: OpenSae;
  /** `[width]`. */
  readonly mean: Float64Array;
  readonly seed: number;
}

/**
 * Makes the rows of every variant, in their order; `undefined` where a row differs in none. `x` are the rows as they are.
 */
export async function* rowsOfVariants(
  variants: readonly Variant[],
  x: Float32Array,
  places: readonly RowPlace[],
  { sae, mean, seed }: Making,
): AsyncGenerator<Float32Array | undefined> {
  const { inputDim: width, latentDim } = sae.attachable;
  const { latents, reconstruction } = await sae.code(x);
  let decoded: Float32Array | undefined;

  async function rowsOf(change: Change): Promise<Float32Array | undefined> {
    switch (change.kind) {
      case "reconstruction":
        return reconstruction;
      case "zero":
        return new Float32Array(x.length);
      case "mean":
        return Float32Array.from({ length: x.length }, (_, i) => mean[i % width]!);
      case "latents": {
        const { changed, differs } = changedLatents(latents, latentDim, change.latents);
        if (!differs.includes(1)) return undefined;
        decoded ??= await sae.decode(latents, x);
        const to = await sae.decode(changed, x);
        return x.map((value, i) => (differs[Math.floor(i / width)] ? value + (to[i]! - decoded![i]!) : value));
      }
    }
  }

  let last: { change: Change; rows: Float32Array | undefined } | undefined;
  for (const { change, draw } of variants) {
    if (last?.change !== change) last = { change, rows: await rowsOf(change) };
    const { rows } = last;
    if (draw === undefined || rows === undefined) {
      yield rows;
      continue;
    }
    const push = isPush(change);
    yield movedAsFar(x, rows, width, (row) => {
      const { text, position } = places[row]!;
      return direction(seed, push ? `push ${draw}` : `direction ${draw} of text ${text}, position ${position}`, width);
    });
  }
}
