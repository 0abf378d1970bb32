import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import type { Slots } from "./optimizer.ts";

type V = Value<"float32">;

/**
 * All gradients together, times min(1, most / (norm + 1e-6)), where norm is the length of all of them as one vector.
 * Rows left out of a gradient are zero and add nothing to it. Source: torch.nn.utils.clip_grad_norm_.
 */
export function clippedByGlobalNorm(gradients: Slots, most: number): Slots {
  const squares = Object.values(gradients).map((g): V => op.reduceSum(op.mul(g, g)));
  const norm = op.sqrt(squares.reduce((sum, one) => op.add(sum, one)));
  const factor = op.min(op.div(most, op.add(norm, 1e-6)), 1);
  return Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, op.mul(g, factor)]));
}
