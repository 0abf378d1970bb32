import * as op from "../graph/ops.ts";
import { constantInts, reducedAxes } from "../graph/opset.ts";
import type { Float, OpNode, Value } from "../graph/value.ts";
import { GradientError } from "../util/errors.ts";

type V = Value<Float>;

/** How many entries of `x` went into each result of a reduction; computed by the graph where a dim is symbolic. */
export function reducedCount(node: OpNode, x: V): V {
  const dims = reducedAxes(node).map((axis) => ({ axis, dim: x.shape[axis]! }));
  const known = dims.reduce((product, { dim }) => (typeof dim === "number" ? product * dim : product), 1);
  const symbolic = dims.filter(({ dim }) => typeof dim !== "number");
  const sizes = symbolic.map(({ axis }) =>
    op.cast(op.squeeze(op.slice(op.shape(x), { axis: 0, from: axis, to: axis + 1 }), [0]), x.dtype),
  );
  return sizes.reduce((product, size) => op.mul(product, size), op.scalarOf(x.dtype, known));
}

/** A reduced value put back to the shape it came from: axes of size 1 first, then repeated. */
export function spread(node: OpNode, reduced: V, x: V): V {
  const axes = reducedAxes(node);
  const ranked = node.attributes.keepdims === 1 || axes.length === 0 ? reduced : op.unsqueeze(reduced, axes);
  return op.expand(ranked, op.shape(x));
}

/** What an Expand repeats, where a product with a value of its whole shape repeats it as well. */
export const unspread = (x: V): V => (x.node.kind === "op" && x.node.op === "Expand" ? (x.node.inputs[0] as V) : x);

/** The cotangent of a slice's input: zeros before and after the part that was taken. */
export function unslice(dy: V, x: V, { inputs }: OpNode): V {
  const axis = constantInts(inputs[3])![0]!;
  const zeros = op.zerosLike(x);
  const [from, to] = [inputs[1] as Value<"int64">, inputs[2] as Value<"int64">];
  const joined = op.concat([op.slice(zeros, { axis, to: from }), dy, op.slice(zeros, { axis, from: to })], axis);
  // Where the bounds are computed, the sum of three unknown sizes is known to us only.
  return joined.shape[axis] === x.shape[axis] ? joined : op.reshape(joined, op.shape(x));
}

/**
 * The pieces of `dy` that belong to each part of a concatenation.
 * @throws {GradientError} when a part but the last has no known size along the axis.
 */
export function splitLike(dy: V, parts: readonly V[], axis: number): V[] {
  let from = 0;
  return parts.map((part, i) => {
    const size = part.shape[axis]!;
    const last = i === parts.length - 1;
    if (typeof size !== "number" && !last)
      throw new GradientError(`Concat: part ${i} has no known size along axis ${axis}; put it last`);
    const piece = op.slice(dy, last ? { axis, from } : { axis, from, to: from + (size as number) });
    from += Number(size);
    return piece;
  });
}
