/** @file Integers that count and place rows. */
import * as op from "../../../graph/ops.ts";
import type { Value } from "../../../graph/value.ts";

type Ints = Value<"int64">;

/** Where a mask is not zero, ascending. */
export const positions = (mask: Value): Ints => op.reshape(op.nonZero(mask), [-1]);
export const onesLike = (x: Value): Ints => op.expand(op.scalarOf("int64", 1), op.shape(x));
/** A vector as long as `like`, with `values` at their `places` and zero elsewhere. */
export const inverse = (places: Ints, like: Value, values: Ints): Ints =>
  op.scatterElements(op.expand(op.scalarOf("int64", 0), op.shape(like)), places, values, { axis: 0 });

/** The bounds of each list when all are joined. */
export function boundsOf(lists: readonly Ints[]): { from: Ints; to: Ints }[] {
  let from = op.ints(0);
  return lists.map((one) => {
    const bounds = { from, to: op.add(from, op.shape(one)) };
    from = bounds.to;
    return bounds;
  });
}
