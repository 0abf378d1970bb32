/** @file The shapes that ops give. Source: ONNX, docs/Operators.md; ONNX Runtime, docs/ContribOperators.md. */
import { type Node, toNumber } from "../proto.ts";
import { axisOf, broadcast, closed, type Dim, dimsOf, ending, ofRank, quotient, type Shape, unknown } from "./shape.ts";

/** What a rule may ask about the inputs of its node. */
export interface Inputs {
  /** The shape of an input; `undefined` where the node has no such input. */
  readonly shape: (input: number) => Shape | undefined;
  /** Elements of a small whole-number input, as far as they are known. */
  readonly elements: (input: number) => readonly Dim[] | undefined;
  readonly opset: number;
}

/** The shape of the outputs of a node, or of the first where one is given. */
export type Rule = (node: Node, inputs: Inputs) => Shape | readonly Shape[];

export const attributeOf = ({ attribute }: Node, name: string) => attribute?.find((one) => one.name === name);
export const intOf = (node: Node, name: string, otherwise: number): number => {
  const found = attributeOf(node, name);
  return found ? toNumber(found.i) : otherwise;
};
const intsOf = (node: Node, name: string): number[] | undefined => attributeOf(node, name)?.ints?.map(toNumber);

const first = (inputs: Inputs): Shape => inputs.shape(0) ?? unknown;
const sameAsFirst: Rule = (_, inputs) => first(inputs);
const sameAll: Rule = ({ output }, inputs) => (output ?? []).map(() => first(inputs));

const together: Rule = ({ input }, { shape }) => broadcast((input ?? []).map((_, i) => shape(i) ?? unknown));

const numbersOnly = (dims: readonly Dim[] | undefined): readonly number[] | undefined =>
  dims?.every((dim) => typeof dim === "number") ? (dims as readonly number[]) : undefined;

/** Axes as an attribute or as an input, as opsets have them. */
const axesOf = (node: Node, { elements }: Inputs, input = 1): readonly number[] | undefined =>
  intsOf(node, "axes") ?? (node.input?.[input] ? numbersOnly(elements(input)) : undefined);

const product =
  (a = 0, b = 1): Rule =>
  (_, { shape }) => {
    const [left, right] = [shape(a) ?? unknown, shape(b) ?? unknown];
    const [x, y] = [dimsOf(left), dimsOf(right)];
    if (!y || y.length < 2) {
      if (!x || !y || x.length === 0 || y.length === 0) return unknown;
      return closed(x.slice(0, -1));
    }
    // A factor of one dim has no rows of its own.
    if (!x) return ending([y.at(-1)!]);
    if (x.length === 1) return closed([...y.slice(0, -2), y.at(-1)!]);
    const batch = broadcast([closed(x.slice(0, -2)), closed(y.slice(0, -2))]).dims;
    return closed([...batch, x.at(-2)!, y.at(-1)!]);
  };

const gemm: Rule = (node, { shape }) => {
  const [x, y] = [dimsOf(shape(0)), dimsOf(shape(1))];
  const rows = x?.[intOf(node, "transA", 0) === 1 ? 1 : 0] ?? null;
  return closed([rows, y?.[intOf(node, "transB", 0) === 1 ? 0 : 1] ?? null]);
};

const gather: Rule = (node, inputs) => {
  const [data, indices] = [dimsOf(inputs.shape(0)), dimsOf(inputs.shape(1))];
  if (!data) return unknown;
  const axis = axisOf(intOf(node, "axis", 0), data.length);
  const after = data.slice(axis + 1);
  return indices ? closed([...data.slice(0, axis), ...indices, ...after]) : ending(after);
};

const reshape: Rule = (node, inputs) => {
  const [from, to] = [dimsOf(inputs.shape(0)), inputs.elements(1)];
  if (!to) {
    const rank = dimsOf(inputs.shape(1))?.[0];
    return typeof rank === "number" ? ofRank(rank) : unknown;
  }
  const copied = intOf(node, "allowzero", 0) === 1;
  const dims = to.map((dim, i) => (dim === 0 && !copied ? (from?.[i] ?? null) : dim));
  const open = dims.indexOf(-1);
  if (open < 0) return closed(dims);
  const rest = dims.filter((_, i) => i !== open);
  return closed(dims.with(open, from && !rest.includes(0) ? quotient(from, rest) : null));
};

const transpose: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  return dims
    ? closed((intsOf(node, "perm") ?? dims.map((_, i) => dims.length - 1 - i)).map((i) => dims[i] ?? null))
    : unknown;
};

const concat: Rule = (node, { shape }) => {
  const shapes = (node.input ?? []).map((_, i) => shape(i) ?? unknown);
  const all = shapes.map(dimsOf);
  const axis = intOf(node, "axis", 0);
  const sum = (dims: readonly Dim[]): Dim =>
    dims.every((dim) => typeof dim === "number") ? (dims as readonly number[]).reduce((a, b) => a + b, 0) : null;
  const known = all.find((dims) => dims !== undefined);
  if (all.includes(undefined) || !known) {
    const lasts = shapes.map(({ dims }) => dims.at(-1) ?? null);
    const isLast = axis === -1 || (known !== undefined && axis === known.length - 1);
    return isLast ? ending([sum(lasts)]) : unknown;
  }
  const at = axisOf(axis, known.length);
  return closed(
    known.map((_, i) => {
      const column = all.map((dims) => dims![i] ?? null);
      return i === at ? sum(column) : (column.find((dim) => typeof dim === "number") ?? column[0]!);
    }),
  );
};

/** What a node Shape gives: all dims of its input, or some. */
export function shapeElements(node: Node, { shape }: Inputs): readonly Dim[] | undefined {
  const end = attributeOf(node, "end");
  return dimsOf(shape(0))?.slice(intOf(node, "start", 0), end && toNumber(end.i));
}

const slice: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  if (!dims) return unknown;
  const old = intsOf(node, "starts");
  const starts = old ?? inputs.elements(1);
  const ends = intsOf(node, "ends") ?? inputs.elements(2);
  const given = old ? intsOf(node, "axes") : axesOf(node, inputs, 3);
  if (!given && node.input?.[3]) return ofRank(dims.length);
  const axes = given ?? (starts ?? dims).map((_, i) => i);
  const steps = node.input?.[4] ? inputs.elements(4) : undefined;
  const result = [...dims];
  for (const [i, axis] of axes.entries())
    result[axisOf(axis, dims.length)] = sliced(
      dims[axisOf(axis, dims.length)] ?? null,
      starts?.[i] ?? null,
      ends?.[i] ?? null,
      node.input?.[4] ? (steps?.[i] ?? null) : 1,
    );
  return closed(result);
};

/** How many of a dim's places a slice takes. */
export function sliced(dim: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (start === 0 && step === 1 && typeof end === "number" && end >= 2 ** 31 - 1) return dim;
  if (typeof dim !== "number" || typeof start !== "number" || typeof end !== "number" || typeof step !== "number")
    return null;
  const within = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  const [from, to] =
    step > 0 ? [within(start, 0, dim), within(end, 0, dim)] : [within(start, 0, dim - 1), within(end, -1, dim - 1)];
  return Math.max(0, Math.ceil((to - from) / step));
}

const squeeze: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  const axes = axesOf(node, inputs);
  if (!dims || (!axes && node.input?.[1])) return unknown;
  const gone = axes?.map((axis) => axisOf(axis, dims.length));
  if (!gone && dims.some((dim) => typeof dim !== "number")) return unknown;
  return closed(dims.filter((dim, i) => (gone ? !gone.includes(i) : dim !== 1)));
};

const unsqueeze: Rule = (node, inputs) => {
  const [dims, axes] = [dimsOf(inputs.shape(0)), axesOf(node, inputs)];
  if (!dims || !axes) return unknown;
  const rank = dims.length + axes.length;
  const added = axes.map((axis) => axisOf(axis, rank));
  const rest = [...dims];
  return closed(Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()!)));
};

const reduce: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  const axes = axesOf(node, inputs);
  const keep = intOf(node, "keepdims", 1) === 1;
  if (!dims || (!axes && node.input?.[1])) return dims && keep ? ofRank(dims.length) : unknown;
  if (!axes?.length && intOf(node, "noop_with_empty_axes", 0) === 1) return closed(dims);
  const gone = axes?.length ? axes.map((axis) => axisOf(axis, dims.length)) : dims.map((_, i) => i);
  return closed(dims.flatMap((dim, i) => (!gone.includes(i) ? [dim] : keep ? [1] : [])));
};

const oneAxis: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  if (!dims) return unknown;
  const axis = axisOf(intOf(node, "axis", 0), dims.length);
  return closed(dims.flatMap((dim, i) => (i !== axis ? [dim] : intOf(node, "keepdims", 1) === 1 ? [1] : [])));
};

const split: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  const count = node.output?.length ?? 0;
  if (!dims) return Array.from({ length: count }, () => unknown);
  const axis = axisOf(intOf(node, "axis", 0), dims.length);
  const whole = dims[axis];
  const sizes = intsOf(node, "split") ?? (node.input?.[1] ? inputs.elements(1) : undefined);
  const part = typeof whole === "number" ? Math.ceil(whole / count) : null;
  const equal = (i: number): Dim =>
    part === null || node.input?.[1] ? null : i < count - 1 ? part : (whole as number) - part * (count - 1);
  return Array.from({ length: count }, (_, i) => closed(dims.with(axis, sizes ? (sizes[i] ?? null) : equal(i))));
};

const expand: Rule = (_, inputs) => {
  const to = inputs.elements(1);
  if (to) return broadcast([first(inputs), closed(to)]);
  const [rank, dims] = [dimsOf(inputs.shape(1))?.[0], dimsOf(inputs.shape(0))];
  return typeof rank === "number" && dims ? ofRank(Math.max(rank, dims.length)) : unknown;
};

const filled: Rule = (_, inputs) => {
  const to = inputs.elements(0);
  const rank = dimsOf(inputs.shape(0))?.[0];
  return to ? closed(to) : typeof rank === "number" ? ofRank(rank) : unknown;
};

const topK: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  if (!dims) return [unknown, unknown];
  const k = attributeOf(node, "k") ? intOf(node, "k", 0) : (inputs.elements(1)?.[0] ?? null);
  const one = closed(dims.with(axisOf(intOf(node, "axis", -1), dims.length), k));
  return [one, one];
};

const flatten: Rule = (node, inputs) => {
  const dims = dimsOf(inputs.shape(0));
  if (!dims) return ofRank(2);
  const axis = axisOf(intOf(node, "axis", 1), dims.length);
  return closed([quotient(dims.slice(0, axis), []), quotient(dims.slice(axis), [])]);
};

/** A convolution or a pooling: rows, channels, and the places a window fits at. */
const windows =
  (channels: (inputs: Inputs) => Dim | undefined): Rule =>
  (node, inputs) => {
    const dims = dimsOf(inputs.shape(0));
    if (!dims) return unknown;
    const rank = dims.length - 2;
    const kernel = intsOf(node, "kernel_shape") ?? dimsOf(inputs.shape(1))?.slice(2);
    const strides = intsOf(node, "strides");
    const dilations = intsOf(node, "dilations");
    const pads = intsOf(node, "pads");
    const auto = new TextDecoder().decode(attributeOf(node, "auto_pad")?.s ?? new Uint8Array());
    const up = intOf(node, "ceil_mode", 0) === 1;
    const places = Array.from({ length: rank }, (_, i): Dim => {
      const [size, width] = [dims[i + 2]!, kernel?.[i]];
      if (typeof size !== "number" || typeof width !== "number" || up) return null;
      const stride = strides?.[i] ?? 1;
      if (auto.startsWith("SAME")) return Math.ceil(size / stride);
      const reach = (dilations?.[i] ?? 1) * (width - 1) + 1;
      const padded = auto === "VALID" ? size : size + (pads?.[i] ?? 0) + (pads?.[i + rank] ?? 0);
      return Math.floor((padded - reach) / stride) + 1;
    });
    return closed([dims[0] ?? null, channels(inputs) ?? null, ...places]);
  };

/** The first dims of the ids, and the width of the table of words. */
const embedded: Rule = (_, { shape }) => {
  const [ids, table] = [dimsOf(shape(0)), dimsOf(shape(2))];
  const one = ids && table ? closed([...ids, table.at(-1)!]) : unknown;
  return [one, unknown, one];
};

/** The normalised sum of the first two inputs, and that sum as a fourth output. */
const skipNormalised: Rule = (_, inputs) => [first(inputs), unknown, unknown, first(inputs)];

const normalised: Rule = (_, inputs) => [first(inputs)];

const nBits: Rule = (node, inputs) => {
  const { dims, open } = first(inputs);
  const width = intOf(node, "N", 0) || null;
  return open ? ending([width]) : closed([...dims.slice(0, -1), width]);
};

const each = (ops: string, rule: Rule, domain = ""): Record<string, Rule> =>
  Object.fromEntries(ops.split(" ").map((op) => [`${domain}${op}`, rule]));

/** By op, `com.microsoft.` before those of ONNX Runtime. */
export const shapeRules: Readonly<Record<string, Rule>> = {
  ...each(
    "Identity Cast CastLike Relu LeakyRelu Elu Selu Celu Gelu Sigmoid HardSigmoid Tanh Softplus Softsign",
    sameAsFirst,
  ),
  ...each(
    "Neg Abs Sqrt Reciprocal Exp Log Sin Cos Clip Softmax LogSoftmax Hardmax HardSwish Swish Mish Erf",
    sameAsFirst,
  ),
  ...each("Floor Ceil Round Sign Not IsNaN IsInf Trilu CumSum ScatterElements ScatterND Scatter", sameAsFirst),
  ...each("QuantizeLinear DequantizeLinear LpNormalization ThresholdedRelu Tan Sinh Cosh Acos Asin Atan", sameAsFirst),
  ...each("InstanceNormalization GroupNormalization LRN RotaryEmbedding BitwiseNot", sameAsFirst),
  Dropout: sameAll,
  ...each("LayerNormalization RMSNormalization SimplifiedLayerNormalization BatchNormalization", normalised),
  ...each("Gelu FastGelu BiasGelu QuickGelu RotaryEmbedding", sameAsFirst, "com.microsoft."),
  ...each("SkipLayerNormalization SkipSimplifiedLayerNormalization", skipNormalised, "com.microsoft."),
  "com.microsoft.EmbedLayerNormalization": embedded,
  "com.microsoft.MatMulNBits": nBits,
  ...each("Add Sub Mul Div Pow Max Min Mean Sum Where PRelu Mod BitShift", together),
  ...each("Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor", together),
  ...each("MatMul MatMulInteger", product()),
  "com.microsoft.MatMulIntegerToFloat": product(),
  QLinearMatMul: product(0, 3),
  Gemm: gemm,
  Gather: gather,
  GatherElements: (_, { shape }) => shape(1) ?? unknown,
  Reshape: reshape,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  ...each("ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare", reduce),
  ...each("ReduceLogSum ReduceLogSumExp", reduce),
  ...each("ArgMax ArgMin", oneAxis),
  Split: split,
  Expand: expand,
  ConstantOfShape: filled,
  TopK: topK,
  Flatten: flatten,
  Shape: (node, inputs) => closed([shapeElements(node, inputs)?.length ?? null]),
  Size: () => closed([]),
  NonZero: (_, { shape }) => closed([dimsOf(shape(0))?.length ?? null, null]),
  Range: () => ofRank(1),
  Tile: (_, inputs) => {
    const [dims, repeats] = [dimsOf(inputs.shape(0)), inputs.elements(1)];
    return dims ? closed(dims.map((dim, i) => (repeats ? quotient([dim, repeats[i] ?? null], []) : null))) : unknown;
  },
  Pad: (_, inputs) => ofRankOf(inputs),
  Resize: (_, inputs) => ofRankOf(inputs),
  Conv: windows(({ shape }) => dimsOf(shape(1))?.[0]),
  ...each(
    "MaxPool AveragePool",
    windows(({ shape }) => dimsOf(shape(0))?.[1]),
  ),
  ...each("GlobalAveragePool GlobalMaxPool", (_, inputs) => {
    const dims = dimsOf(inputs.shape(0));
    return dims ? closed(dims.map((dim, i) => (i < 2 ? dim : 1))) : unknown;
  }),
};

function ofRankOf(inputs: Inputs): Shape {
  const dims = dimsOf(inputs.shape(0));
  return dims ? ofRank(dims.length) : unknown;
}
