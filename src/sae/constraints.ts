import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

type V = Value<"float32">;

/** What holds for a parameter after every step, and what its gradient loses before it. */
export interface Constraint {
  readonly gradient: (W: V, gradient: V) => V;
  readonly apply: (W: V) => V;
}

const rowSum = (x: V) => op.reduceSum(x, { axes: [1], keepDims: true });

/** Rows divided by their length; a row of zeros stays. ReduceSumSquare would be one pass, but of one thread, and takes three times as long. */
const unitLength = (W: V): V => op.div(W, op.max(op.sqrt(rowSum(op.mul(W, W))), 1e-12));

/** Every constraint, by name. */
export const constraints = {
  /** Rows of unit length after every step. */
  unitRows: { gradient: (_W, gradient) => gradient, apply: unitLength },
  /**
   * Rows of unit length, and of the gradient only what turns them: g - (g . d) d.
   * Source: Bricken et al. 2023; Gao et al. 2024, appendix A.
   */
  unitRowsProjected: {
    gradient: (W, gradient) => op.sub(gradient, op.mul(W, rowSum(op.mul(gradient, W)))),
    apply: unitLength,
  },
  /** No entry below 0. */
  nonNegative: { gradient: (_W, gradient) => gradient, apply: (W) => op.max(W, 0) },
} as const satisfies Record<string, Constraint>;

export type ConstraintName = keyof typeof constraints;
