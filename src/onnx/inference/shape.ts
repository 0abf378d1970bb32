/** A size, a name for one, or `null` where nothing is known of it. */
export type Dim = number | string | null;

/** The last dims of a value. `open` where there may be more before them: nothing known is `[]`, open. */
export interface Shape {
  readonly dims: readonly Dim[];
  readonly open: boolean;
}

export const unknown: Shape = { dims: [], open: true };
export const closed = (dims: readonly Dim[]): Shape => ({ dims, open: false });
export const ending = (dims: readonly Dim[]): Shape => ({ dims, open: true });

/** So many dims, of which nothing is known. */
export const ofRank = (rank: number): Shape => closed(Array.from({ length: rank }, () => null));

/** The dims of a value whose rank is known. */
export const dimsOf = (shape: Shape | undefined): readonly Dim[] | undefined =>
  shape && !shape.open ? shape.dims : undefined;

/** Numpy's rule, from the last dim on: a size above 1 decides, since the others are as large or 1. */
export function broadcast(shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map(({ dims }) => dims.length));
  const dims = Array.from({ length: rank }, (_, i) => joined(shapes.map((shape) => fromEnd(shape, rank - i))));
  return { dims, open: shapes.some(({ open }) => open) };
}

/** The dim `back` places before the end; 1 before a shape that ends there. */
const fromEnd = ({ dims, open }: Shape, back: number): Dim =>
  back <= dims.length ? dims[dims.length - back]! : open ? null : 1;

function joined(dims: readonly Dim[]): Dim {
  const large = dims.find((dim) => typeof dim === "number" && dim !== 1);
  if (large !== undefined) return large;
  const others = [...new Set(dims.filter((dim) => dim !== 1))];
  return others.length === 0 ? 1 : others.length === 1 ? others[0]! : null;
}

/** `a * b * ...` of sizes; names that stand in both numerator and denominator cancel. `null` where the rest is no number. */
export function quotient(above: readonly Dim[], below: readonly Dim[]): Dim {
  const left = [...above];
  let divisor = 1;
  for (const dim of below) {
    const at = typeof dim === "number" ? -1 : left.indexOf(dim);
    if (typeof dim === "number") divisor *= dim;
    else if (dim === null || at < 0) return null;
    else left.splice(at, 1);
  }
  const names = left.filter((dim) => typeof dim !== "number");
  const size = left.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 1) / divisor;
  if (names.length === 0) return Number.isInteger(size) ? size : null;
  return names.length === 1 && size === 1 ? names[0]! : null;
}

/** An axis from 0, of a value of some rank. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
