import { ShapeError } from "../util/errors.ts";
import { type Dim, type Shape, showShape } from "./value.ts";

/** The dim that both stand for, or `undefined` if they cannot be the same size. */
export function unify(a: Dim, b: Dim): Dim | undefined {
  if (a === b || b === "?") return a;
  return a === "?" ? b : undefined;
}

/**
 * The shape two operands broadcast to, numpy's way. Source: ONNX, docs/Broadcasting.md.
 * @throws {ShapeError} when a pair of dims differs and neither is 1.
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left === 1) return right;
    if (right === 1) return left;
    const both = unify(left, right);
    if (both === undefined)
      throw new ShapeError(
        `${op}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast: ${left} against ${right} at axis ${i}; reshape one, or gather its rows`,
      );
    return both;
  });
}

/** An axis counted from the front. @throws {ShapeError} when it is outside the shape. */
export function axisOf(op: string, axis: number, shape: Shape): number {
  const positive = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= shape.length)
    throw new ShapeError(`${op}: axis ${axis} is not an axis of ${showShape(shape)}`);
  return positive;
}

/** Several axes counted from the front. @throws {ShapeError} when one is outside the shape, or named twice. */
export function axesOf(op: string, axes: readonly number[], shape: Shape): number[] {
  const positive = axes.map((axis) => axisOf(op, axis, shape));
  if (new Set(positive).size !== positive.length)
    throw new ShapeError(`${op}: axes [${axes.join(", ")}] name an axis of ${showShape(shape)} twice`);
  return positive;
}

/** The shape of a value that may have either shape: a dim they do not share is unknown. */
export const eitherShape = (a: Shape, b: Shape): Shape => a.map((dim, i) => (dim === b[i] ? dim : "?"));

/** A copy of the shape with one axis replaced. */
export const withDim = (shape: Shape, axis: number, dim: Dim): Shape => shape.map((d, i) => (i === axis ? dim : d));

/** The shape after reducing some axes. */
export const reduceShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  shape.flatMap((dim, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [dim]));

/** The product of dims, or `undefined` if one is not a number. */
export const countOf = (shape: Shape): number | undefined =>
  shape.every((dim) => typeof dim === "number") ? shape.reduce<number>((n, dim) => n * (dim as number), 1) : undefined;

/**
 * The one shape that both stand for.
 * @throws {ShapeError} naming `what` when rank or a dim differs.
 */
export function sameShape(what: string, a: Shape, b: Shape): Shape {
  const both = a.map((dim, i) => (i < b.length ? unify(dim, b[i]!) : undefined));
  if (a.length !== b.length || both.includes(undefined))
    throw new ShapeError(`${what}: ${showShape(a)} and ${showShape(b)} must be the same shape`);
  return both as Dim[];
}
