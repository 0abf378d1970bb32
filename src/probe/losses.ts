import { customGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

type V = Value<"float32">;

/** What one kind of probe minimises. */
export interface ProbeLoss {
  readonly describe: string;
  /** The loss of each row and probe: scores `z` and what is to be found `y`, both `[rows, probes]`. */
  readonly each: (z: V, y: V) => V;
  /** The largest second derivative of `each` with respect to z: no step may be longer than its reciprocal allows. */
  readonly curvature: number;
}

/** log(1 + exp(z)), which neither overflows nor loses digits; its derivative is the sigmoid of z, also at 0. */
const softplus = (z: V): V =>
  customGradient(
    [z],
    (x) => [op.add(op.relu(x), op.log(op.add(op.exp(op.neg(op.abs(x))), 1)))],
    ([dy]) => [op.mul(dy as V, op.sigmoid(z))],
  )[0] as V;

const square = (x: V): V => op.mul(x, x);

/** Every kind of probe. */
export const losses = {
  logistic: {
    describe: "-log of the probability of y, 0 or 1",
    each: (z, y) => op.sub(softplus(z), op.mul(y, z)),
    // sigmoid' = p (1 - p) is a quarter at most. Source: Böhning and Lindsay 1988, Monotonicity of quadratic-approximation algorithms.
    curvature: 1 / 4,
  },
  ridge: {
    describe: "half the squared error",
    each: (z, y) => op.mul(square(op.sub(z, y)), 0.5),
    curvature: 1,
  },
} as const satisfies Record<string, ProbeLoss>;

export type LossName = keyof typeof losses;
