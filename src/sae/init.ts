import type { Random } from "../util/random.ts";
import { type HostTensor, sizeOf } from "../util/tensor.ts";

/** What an initialiser may look at: its own stream of random numbers, the rows to reconstruct, the parameters made before it. */
export interface InitContext {
  readonly rng: Random;
  readonly shape: readonly number[];
  /** `[rows, outputDim]`: the training rows, or a transcoder's targets; as the SAE sees them. */
  readonly targets: HostTensor<"float32">;
  readonly made: Readonly<Record<string, Float32Array>>;
}

/** First values of a parameter. */
export type Init = (context: InitContext) => Float32Array;

/** All zero. */
export const zeros: Init = ({ shape }) => new Float32Array(sizeOf(shape));

/** All one number. */
export const filled =
  (value: number): Init =>
  ({ shape }) =>
    new Float32Array(sizeOf(shape)).fill(value);

/** Uniform from `-1/sqrt(fanIn)` to `1/sqrt(fanIn)`. Source: torch.nn.Linear, weights and bias. */
export const uniform =
  (fanIn: number): Init =>
  ({ rng, shape }) => {
    const bound = 1 / Math.sqrt(fanIn);
    const values = new Float32Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) values[i] = (2 * rng.uniform() - 1) * bound;
    return values;
  };

/** Another initialiser's rows, each divided by its length. */
export const unitRows =
  (init: Init): Init =>
  (context) => {
    const W = init(context);
    const width = context.shape[1]!;
    for (let at = 0; at < W.length; at += width) {
      let squares = 0;
      for (let i = at; i < at + width; i++) squares += W[i]! ** 2;
      const norm = Math.sqrt(squares);
      for (let i = at; i < at + width; i++) W[i]! /= norm;
    }
    return W;
  };

/** The first values of a parameter listed before this one. */
export const copyOf =
  (name: string): Init =>
  ({ made }) =>
    made[name]!.slice();

/** The mean of rows `[rows, width]`, in float64. */
export function meanOfRows(data: Float32Array, width: number): Float64Array<ArrayBuffer> {
  const rows = data.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width]! += data[i]! / rows;
  return mean;
}

/** The mean of the rows to reconstruct. */
export const meanRow: Init = ({ targets: { data }, shape }) => Float32Array.from(meanOfRows(data, shape[0]!));

/**
 * The point with the least sum of distances to the training rows, by Weiszfeld's iteration: at most 100 rounds from the
 * mean, until it moves less than 1e-5 of its length. Source: Gao et al. 2024, appendix A.1 (initial b_dec).
 */
export const geometricMedian: Init = ({ targets: { data }, shape }) => {
  const width = shape[0]!;
  const rows = data.length / width;
  let guess = meanOfRows(data, width);
  for (let round = 0; round < 100; round++) {
    const next = new Float64Array(width);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      let squared = 0;
      for (let i = 0; i < width; i++) squared += (data[row * width + i]! - guess[i]!) ** 2;
      const weight = 1 / Math.max(Math.sqrt(squared), 1e-12);
      total += weight;
      for (let i = 0; i < width; i++) next[i]! += weight * data[row * width + i]!;
    }
    let moved = 0;
    let length = 0;
    for (let i = 0; i < width; i++) {
      next[i]! /= total;
      moved += (next[i]! - guess[i]!) ** 2;
      length += next[i]! ** 2;
    }
    guess = next;
    if (moved <= 1e-10 * length) break;
  }
  return Float32Array.from(guess);
};
