/**
 * @file Every op the builder has, with its shape rule. All are in opset 17 of ONNX's default domain.
 * Source of each rule: the operator's page in ONNX's docs/Operators.md.
 */
import { ShapeError } from "../util/errors.ts";
import {
  axesOf,
  axisOf,
  broadcastShapes,
  countOf,
  eitherShape,
  reduceShape,
  sameShape,
  unify,
  withDim,
} from "./shapes.ts";
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

/** The shape that a shape input asks for: from a constant, from `Shape(x)`, or else only the number of dims. */
function wantedShape(op: string, source: Value): Shape {
  const known = constantInts(source) ?? shapeBehind(source);
  if (known) return known;
  const rank = source.shape[0];
  if (typeof rank !== "number")
    throw new ShapeError(
      `${op}: the shape asked for is ${showShape(source.shape)}, so its rank is unknown; give it a fixed length`,
    );
  return Array.from({ length: rank }, () => "?");
}

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
    throw new ShapeError(
      `TopK: k must be from 1 to ${size}, the size of axis ${axis} of ${showShape(shape)}, got ${k}`,
    );
  return [withDim(shape, axis, k), withDim(shape, axis, k)];
};

const gather: InferShape = (call) => {
  const [data, indices] = shapes(call) as [Shape, Shape];
  const axis = axisOf("Gather", intAttribute(call, "axis", 0), data);
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis + 1)]];
};

const gatherElements: InferShape = (call) => {
  const [data, indices] = shapes(call) as [Shape, Shape];
  const axis = axisOf(call.op, intAttribute(call, "axis", 0), data);
  if (data.length !== indices.length)
    throw new ShapeError(`${call.op}: data ${showShape(data)} and indices ${showShape(indices)} need the same rank`);
  if (indices.some((dim, i) => i !== axis && Number(dim) > Number(data[i])))
    throw new ShapeError(
      `${call.op}: indices ${showShape(indices)} reach past data ${showShape(data)} off axis ${axis}`,
    );
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
  if (typeof depth !== "number" || depth < 1 || depth > data.length)
    throw new ShapeError(
      `ScatterND: the last dim of indices ${showShape(indices)} must be from 1 to the rank of ${showShape(data)}`,
    );
  sameShape("ScatterND: updates and the places named", updates, [...indices.slice(0, -1), ...data.slice(depth)]);
  return [data];
};

/** The axes of a reduction, counted from the front: from an attribute or (ReduceSum) a constant input. None means all. */
export function reducedAxes({ op, inputs, attributes }: Pick<Call, "op" | "inputs" | "attributes">): number[] {
  const { shape } = inputs[0]!;
  const given = constantInts(inputs[1]) ?? (attributes.axes as readonly number[] | undefined);
  return given?.length ? axesOf(op, given, shape) : shape.map((_, i) => i);
}

const reduce: InferShape = (call) => [
  reduceShape(call.inputs[0]!.shape, reducedAxes(call), intAttribute(call, "keepdims", 1) === 1),
];

const reshape: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const source = call.inputs[1]!;
  const asked = constantInts(source);
  if (!asked) return [wantedShape("Reshape", source)];
  const refuse = (why: string) => new ShapeError(`Reshape: ${showShape(shape)} to [${asked.join(", ")}]: ${why}`);
  if (asked.some((dim) => dim < -1) || asked.filter((dim) => dim === -1).length > 1)
    throw refuse("sizes are 0 (as before) or more, and one may be -1 (what is left)");
  if (asked.some((dim, i) => dim === 0 && i >= shape.length))
    throw refuse("0 keeps a dim, and there is none at its place");
  const wanted = asked.map((dim, i): Dim => (dim === 0 ? shape[i]! : dim));
  const free = wanted.indexOf(-1);
  const [before, after] = cancel(
    shape,
    wanted.filter((_, i) => i !== free),
  );
  if (after.some((dim) => typeof dim !== "number") || before.some((dim) => typeof dim !== "number")) {
    const left = before.length === 1 && after.length === 0 ? before[0]! : "?";
    return [wanted.map((dim) => (dim === -1 ? left : dim))];
  }
  const [total, others] = [countOf(before)!, countOf(after)!];
  if (free < 0 ? total !== others : total % others !== 0)
    throw refuse(`${countOf(shape) ?? total} elements do not fit`);
  return [wanted.map((dim) => (dim === -1 ? total / others : dim))];
};

/** Both shapes without the symbolic dims they share, nor, if they then agree, their numbers. */
function cancel(a: Shape, b: Shape): readonly [Shape, Shape] {
  const [before, after] = [[...a], [...b]];
  for (const dim of a) {
    const at = typeof dim === "string" && dim !== "?" ? after.indexOf(dim) : -1;
    if (at >= 0) [before.splice(before.indexOf(dim), 1), after.splice(at, 1)];
  }
  const symbols = (shape: Shape) => shape.filter((dim) => typeof dim !== "number");
  const numbers = (shape: Shape) => countOf(shape.filter((dim) => typeof dim === "number"));
  return symbols(before).length > 0 && numbers(before) === numbers(after)
    ? [symbols(before), symbols(after)]
    : [before, after];
}

const expand: InferShape = (call) => [
  broadcastShapes("Expand", call.inputs[0]!.shape, wantedShape("Expand", call.inputs[1]!)),
];

/** The shape that `Shape(x)` will give, where that is what the value is. */
const shapeBehind = (value: Value): Shape | undefined =>
  value.node.kind === "op" && value.node.op === "Shape" ? value.node.inputs[0]!.shape : undefined;

/** The end of a slice that goes to the end, whatever the size. */
export const toTheEnd = 2 ** 31 - 1;

const slice: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const [starts, ends, axes] = [1, 2, 3].map((i) => constantInts(call.inputs[i]));
  if (!axes) throw new ShapeError("Slice: axes must be constant");
  return [
    axes.reduce((result, given, i) => {
      const axis = axisOf("Slice", given, shape);
      const size = shape[axis]!;
      const [from, to] = [starts?.[i], ends?.[i]];
      if (from === 0 && to === toTheEnd) return result;
      if (typeof size !== "number" || from === undefined || to === undefined) return withDim(result, axis, "?");
      const clamp = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at));
      return withDim(result, axis, Math.max(0, clamp(to) - clamp(from)));
    }, shape),
  ];
};

const concat: InferShape = (call) => {
  const all = shapes(call);
  const axis = axisOf("Concat", intAttribute(call, "axis", 0), all[0]!);
  const dims = all.map((shape) => shape[axis]!);
  const total: Dim = dims.every((dim) => typeof dim === "number")
    ? dims.reduce<number>((a, b) => a + (b as number), 0)
    : "?";
  const others = all.map((shape) => withDim(shape, axis, 0));
  return [
    withDim(
      others.reduce((a, b) => sameShape("Concat: the other axes", a, b)),
      axis,
      total,
    ),
  ];
};

const squeeze: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const axes = axesOf("Squeeze", constantInts(call.inputs[1])!, shape);
  for (const axis of axes)
    if (shape[axis] !== 1 && shape[axis] !== "?")
      throw new ShapeError(`Squeeze: axis ${axis} of ${showShape(shape)} is not 1`);
  return [shape.filter((_, i) => !axes.includes(i))];
};

const unsqueeze: InferShape = (call) => {
  const [shape] = shapes(call) as [Shape];
  const given = constantInts(call.inputs[1])!;
  const result: Dim[] = Array.from({ length: shape.length + given.length }, () => 1);
  const axes = axesOf("Unsqueeze", given, result);
  const rest = [...shape];
  return [result.map((one, i) => (axes.includes(i) ? one : rest.shift()!))];
};

const outputsOf = (body: Body | undefined): Value[] => (body?.outputs ?? []).map(({ value }) => value);

/** Loop and Scan: a carried value keeps its shape if no step changes it; outputs are stacked along a new first axis. */
const steps = (carried: readonly Value[], outputs: readonly Value[], count: Dim): Shape[] =>
  outputs.map(({ shape }, i) => (i < carried.length ? eitherShape(carried[i]!.shape, shape) : [count, ...shape]));
const loop: InferShape = ({ bodies, inputs }) => steps(inputs.slice(2), outputsOf(bodies.body).slice(1), "?");
const scan: InferShape = ({ bodies, attributes, inputs }) =>
  steps(inputs.slice(0, -(attributes.num_scan_inputs as number)), outputsOf(bodies.body), inputs.at(-1)!.shape[0]!);

const branches: InferShape = ({ bodies }) => {
  const [yes, no] = [outputsOf(bodies.then_branch), outputsOf(bodies.else_branch)];
  return yes.map(({ shape }, i) => {
    const other = no[i]!.shape;
    if (shape.length !== other.length)
      throw new ShapeError(`If: branches give ${showShape(shape)} and ${showShape(other)}; they need one rank`);
    return eitherShape(shape, other);
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
  Cos: sameAsFirst,
  Sin: sameAsFirst,
  Sign: sameAsFirst,
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
  ReduceSumSquare: reduce,
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
