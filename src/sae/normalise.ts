import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

type V = Value<"float32">;

/** What SAEs trained elsewhere do to each row before they encode it. */
export const normalisations = ["none", "layer-norm", "constant-norm"] as const;
export type Normalisation = (typeof normalisations)[number];

/** Added to a row's standard deviation. Source: OpenAI, sparse_autoencoder; SAELens (layer_norm). */
export const normEpsilon = 1e-5;

const along = { axes: [1], keepDims: true } as const;

/**
 * The rows of `x [batch, width]` at one scale. `layer-norm`: (x - mean) / (std + 1e-5), std with width - 1. `constant-norm`: of
 * length sqrt(width); a row of zeros stays zeros. `restore` puts a reconstruction back: times std plus mean, or to the length of x.
 */
export function normalised(how: Normalisation, x: V): { readonly x: V; readonly restore: (xHat: V) => V } {
  const width = x.shape[1] as number;
  switch (how) {
    case "none":
      return { x, restore: (xHat) => xHat };
    case "layer-norm": {
      const mean = op.reduceMean(x, along);
      const off = op.sub(x, mean);
      const std = op.sqrt(op.div(op.reduceSum(op.mul(off, off), along), width - 1));
      return {
        x: op.div(off, op.add(std, normEpsilon)),
        restore: (xHat) => op.add(op.mul(xHat, std), mean),
      };
    }
    case "constant-norm": {
      const size = op.div(op.sqrt(op.reduceSum(op.mul(x, x), along)), Math.sqrt(width));
      const isZero = op.equal(size, 0);
      return { x: op.div(x, op.where(isZero, 1, size)), restore: (xHat) => op.mul(xHat, size) };
    }
  }
}
