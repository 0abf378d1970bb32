/**
 * @file Every op the builder has, with its shape rule. All are in opset 17 of ONNX's default domain.
 * Source of each rule: the operator's page in ONNX's docs/Operators.md.
 */
import { ShapeError } from "../util/errors.ts";
import { axisOf, broadcastShapes, countOf, reduceShape, sameShape, unify, withDim } from "./shapes.ts";
import { type Attributes, type Body, type Dim, type Shape, showShape, type Value } from "./value.ts";

/** What a shape rule sees of a node. */
export interface Call {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly bodies: Readonly<Record<string, Body>>;
}

/** Shapes of a node's outputs. @throws {ShapeError} when the inputs do not fit. */
export type InferShape = (call: Call) => readonly Shape[];

const shapes = ({ inputs }: Call): readonly Shape[] => inputs.map(({ shape }) => shape);
const intAttribute = ({ attributes }: Call, name: string, otherwise: number): number =>
  (attributes[name] as number | undefined) ?? otherwise;

/** The integers of a constant input, or `undefined` when they are computed by the graph. */
export function constantInts(value: Value | undefined): number[] | undefined {
  if (value?.node.kind !== "constant" || value.dtype !== "int64") return undefined;
  return Array.from(value.node.tensor.data as BigInt64Array, Number);
}

const sameAsFirst: InferShape = (call) => [shapes(call)[0]!];
const broadcast: InferShape = (call) => [shapes(call).reduce((a, b) => broadcastShapes(call.op, a, b))];
const unknown = (rank: number): Shape => Array.from({ length: rank }, () => "?");

const matMul: InferShape = (call) => {
  const [a, b] = shapes(call) as [Shape, Shape];
  if (a.length < 2 || b.length < 2)
    throw new ShapeError(`MatMul: ${showShape(a)} times ${showShape(b)}: both need two dims or more; reshape one?`);
  if (unify(a.at(-1)!, b.at(-2)!) === undefined)
    throw new ShapeError(`MatMul: inner sizes differ, ${showShape(a)} times ${showShape(b)}; transpose one of them?`);
  return [[...broadcastShapes("MatMul", a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!]];
};

const gemm: InferShape = (call) => {
  const [a, b, c] = shapes(call) as [Shape, Shape, Shape | undefined];
  if (a.length !== 2 || b.length !== 2)
    throw new ShapeError(`Gemm: ${showShape(a)} times ${showShape(b)}: both need exactly two dims; use matMul?`);
  const [m, inner] = intAttribute(call, "transA", 0) ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
  const [other, n] = intAttribute(call, "transB", 0) ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
  if (unify(inner, other) === undefined)
    throw new ShapeError(`Gemm: inner sizes differ, ${inner} and ${other}, in ${showShape(a)} times ${showShape(b)}`);
  if (c) sameShape("Gemm: the bias, broadcast, and the product", broadcastShapes("Gemm", c, [m, n]), [m, n]);
  return [[m, n]];
};

const transpose: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const perm = call.attributes.perm as readonly number[];
  if (perm.length !== shape.length || new Set(perm).size !== perm.length || perm.some((p) => !(p in shape)))
    throw new ShapeError(`Transpose: [${perm.join(", ")}] is no order of the axes of ${showShape(shape)}`);
  return [perm.map((p) => shape[p]!)];
};

const topK: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const axis = axisOf("TopK", intAttribute(call, "axis", -1), shape);
  const k = constantInts(call.inputs[1])?.[0] ?? "?";
  const size = shape[axis]!;
  if (typeof k === "number" && (k < 1 || (typeof size === "number" && k > size)))
    throw new ShapeError(`TopK: k must be from 1 to ${size}, the size of axis ${axis} of ${showShape(shape)}, got ${k}`);
  return [withDim(shape, axis, k), withDim(shape, axis, k)];
};

const gather: InferShape = (call) => {
  const [data, indices] = shapes(call) as [Shape, Shape];
  const axis = axisOf("Gather", intAttribute(call, "axis", 0), data);
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis + 1)]];
};

const gatherElements: InferShape = (call) => {
  const [data, indices] = shapes(call) as [Shape, Shape];
  axisOf(call.op, intAttribute(call, "axis", 0), data);
  if (data.length !== indices.length)
    throw new ShapeError(`${call.op}: data ${showShape(data)} and indices ${showShape(indices)} need the same rank`);
  return [indices];
};

const scatterElements: InferShape = (call) => {
  const [data, , updates] = shapes(call) as [Shape, Shape, Shape];
  sameShape("ScatterElements: indices and updates", gatherElements(call)[0]!, updates);
  return [data];
};

const scatterND: InferShape = (call) => {
  const [data, indices, updates] = shapes(call) as [Shape, Shape, Shape];
  const depth = indices.at(-1);
  if (typeof depth !== "number" || depth > data.length)
    throw new ShapeError(
      `ScatterND: the last dim of indices ${showShape(indices)} must be from 1 to the rank of ${showShape(data)}`,
    );
  sameShape("ScatterND: updates and the places named", updates, [...indices.slice(0, -1), ...data.slice(depth)]);
  return [data];
};

/** Axes come as an attribute, or (ReduceSum) as a constant input; none means all. */
const reduce: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const given = constantInts(call.inputs[1]) ?? (call.attributes.axes as readonly number[] | undefined);
  const axes = given?.map((axis) => axisOf(call.op, axis, shape)) ?? shape.map((_, i) => i);
  return [reduceShape(shape, axes, intAttribute(call, "keepdims", 1) === 1)];
};

const reshape: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const wanted = constantInts(call.inputs[1]);
  const rank = call.inputs[1]?.shape[0];
  if (!wanted) return [unknown(typeof rank === "number" ? rank : 0)];
  const total = countOf(shape);
  const known = wanted.reduce((product, dim, i) => {
    const size = dim === 0 ? shape[i] : dim;
    return typeof size !== "number" ? Number.NaN : size > 0 ? product * size : product;
  }, 1);
  if (total !== undefined && (wanted.includes(-1) ? total % known !== 0 : total !== known))
    throw new ShapeError(`Reshape: ${showShape(shape)} has ${total} elements, [${wanted.join(", ")}] cannot hold them`);
  const rest = total === undefined || Number.isNaN(known) ? restOf(shape, wanted) : total / known;
  return [wanted.map((dim, i): Dim => (dim === 0 ? shape[i]! : dim === -1 ? rest : dim))];
};

/** The dim `-1` stands for when it is the one symbolic dim, all others being carried over; else unknown. */
function restOf(shape: Shape, wanted: readonly number[]): Dim {
  const symbols = shape.filter((dim) => typeof dim !== "number");
  const numbers = countOf(shape.filter((dim) => typeof dim === "number"))!;
  const others = wanted.filter((dim) => dim > 0).reduce((product, dim) => product * dim, 1);
  return symbols.length === 1 && numbers === others && !wanted.includes(0) ? symbols[0]! : "?";
}

const expand: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const source = call.inputs[1]!;
  const wanted = constantInts(source) ?? shapeBehind(source);
  const rank = source.shape[0];
  return [broadcastShapes("Expand", shape, wanted ?? unknown(typeof rank === "number" ? rank : shape.length))];
};

/** The shape that `Shape(x)` will give, where that is what the value is. */
const shapeBehind = (value: Value): Shape | undefined =>
  value.node.kind === "op" && value.node.op === "Shape" ? value.node.inputs[0]!.shape : undefined;

const slice: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const [starts, ends, axes] = [1, 2, 3].map((i) => constantInts(call.inputs[i]));
  if (!axes) throw new ShapeError("Slice: axes must be constant");
  return [
    axes.reduce((result, given, i) => {
      const axis = axisOf("Slice", given, shape);
      const size = shape[axis]!;
      const [from, to] = [starts?.[i], ends?.[i]];
      if (typeof size !== "number" || from === undefined || to === undefined) {
        const length = from !== undefined && to !== undefined && from >= 0 && to >= from && to < 2 ** 31 ? to - from : "?";
        return withDim(result, axis, length);
      }
      const clamp = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at));
      return withDim(result, axis, Math.max(0, clamp(to) - clamp(from)));
    }, shape),
  ];
};

const concat: InferShape = (call) => {
  const all = shapes(call);
  const axis = axisOf("Concat", intAttribute(call, "axis", 0), all[0]!);
  const dims = all.map((shape) => shape[axis]!);
  const total: Dim = dims.every((dim) => typeof dim === "number") ? dims.reduce<number>((a, b) => a + (b as number), 0) : "?";
  const others = all.map((shape) => withDim(shape, axis, 0));
  return [withDim(others.reduce((a, b) => sameShape("Concat: the other axes", a, b)), axis, total)];
};

const squeeze: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const axes = constantInts(call.inputs[1])!.map((axis) => axisOf("Squeeze", axis, shape));
  for (const axis of axes)
    if (shape[axis] !== 1 && shape[axis] !== "?")
      throw new ShapeError(`Squeeze: axis ${axis} of ${showShape(shape)} is not 1`);
  return [shape.filter((_, i) => !axes.includes(i))];
};

const unsqueeze: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const rank = shape.length + constantInts(call.inputs[1])!.length;
  const axes = constantInts(call.inputs[1])!.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...shape];
  return [Array.from({ length: rank }, (_, i): Dim => (axes.includes(i) ? 1 : rest.shift()!))];
};

const outputsOf = (body: Body | undefined): Value[] => (body?.outputs ?? []).map(({ value }) => value);

/** Loop and Scan: carried values keep their shapes, outputs of each step are stacked along a new first axis. */
const loop: InferShape = ({ bodies, inputs }) => {
  const outputs = outputsOf(bodies.body).slice(1);
  const carried = inputs.length - 2;
  return outputs.map(({ shape }, i) => (i < carried ? shape : ["?", ...shape]));
};
const scan: InferShape = ({ bodies, attributes, inputs }) => {
  const outputs = outputsOf(bodies.body);
  const carried = inputs.length - (attributes.num_scan_inputs as number);
  const steps = inputs.at(-1)!.shape[0]!;
  return outputs.map(({ shape }, i) => (i < carried ? shape : [steps, ...shape]));
};
const branches: InferShape = ({ bodies }) => {
  const [yes, no] = [outputsOf(bodies.then_branch), outputsOf(bodies.else_branch)];
  return yes.map(({ shape }, i) => {
    const other = no[i]!.shape;
    if (shape.length !== other.length)
      throw new ShapeError(`If: branches give ${showShape(shape)} and ${showShape(other)}; they need one rank`);
    return shape.map((dim, axis) => (dim === other[axis] ? dim : "?"));
  });
};

export const opset = {
  Neg: sameAsFirst,
  Abs: sameAsFirst,
  Sqrt: sameAsFirst,
  Exp: sameAsFirst,
  Log: sameAsFirst,
  Relu: sameAsFirst,
  Sigmoid: sameAsFirst,
  Tanh: sameAsFirst,
  Reciprocal: sameAsFirst,
  Identity: sameAsFirst,
  Softmax: sameAsFirst,
  Cast: sameAsFirst,
  Not: sameAsFirst,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,
  Pow: broadcast,
  Max: broadcast,
  Min: broadcast,
  Greater: broadcast,
  GreaterOrEqual: broadcast,
  Less: broadcast,
  LessOrEqual: broadcast,
  Equal: broadcast,
  And: broadcast,
  Where: broadcast,
  MatMul: matMul,
  Gemm: gemm,
  Transpose: transpose,
  TopK: topK,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  CumSum: sameAsFirst,
  Reshape: reshape,
  Expand: expand,
  Shape: (call) => [[shapes(call)[0]!.length]],
  Slice: slice,
  Concat: concat,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  NonZero: (call) => [[shapes(call)[0]!.length, "?"]],
  Loop: loop,
  Scan: scan,
  If: branches,
} as const satisfies Record<string, InferShape>;

/** The name of an op the builder has. */
export type OpType = keyof typeof opset;
