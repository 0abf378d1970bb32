/** @file How wide a value is by the weights that make it, whatever is declared of it: declarations go stale when a model is changed. */
import { opOf } from "./nonFloats.ts";
import { type Model, type Node, toNumber } from "./proto.ts";
import { hostTensor, shapeOf } from "./tensors.ts";

/** What is known of the values before a node: the shapes of constants, the last dims of others, small whole constants. */
interface Known {
  readonly shape: (name: string | undefined) => readonly number[] | undefined;
  readonly width: (name: string | undefined) => number | undefined;
  readonly numbers: (name: string | undefined) => readonly number[] | undefined;
}

type Rule = (node: Node, known: Known) => number | undefined;

const attribute = ({ attribute }: Node, name: string) => attribute?.find((one) => one.name === name);
const flag = (node: Node, name: string): number => toNumber(attribute(node, name)?.i);

const sameAsFirst: Rule = ({ input }, { width }) => width(input?.[0]);

/** Numpy's rule for the last dim: an input wider than 1 decides, since the others are as wide or 1. */
const broadcast: Rule = ({ input }, { width }) => {
  const widths = (input ?? []).map(width);
  const wide = widths.find((one) => one !== undefined && one > 1);
  return wide ?? (widths.includes(undefined) ? undefined : widths[0]);
};

/** The last dim of a product is that of the second factor, where that is a constant matrix. */
const product =
  (factor: number, transposed: (node: Node) => boolean): Rule =>
  (node, { shape }) => {
    const dims = shape(node.input?.[factor]);
    return dims && dims.length > 1 ? dims.at(transposed(node) ? -2 : -1) : undefined;
  };

const rows: Rule = (node, { shape }) => {
  const dims = shape(node.input?.[0]);
  return dims && dims.length > 1 && flag(node, "axis") === 0 ? dims.at(-1) : undefined;
};

const reshaped: Rule = ({ input }, { numbers }) => {
  const last = numbers(input?.[1])?.at(-1);
  return last !== undefined && last > 0 ? last : undefined;
};

const joined: Rule = (node, { width }) => {
  const widths = (node.input ?? []).map(width);
  if (flag(node, "axis") === -1)
    return widths.includes(undefined) ? undefined : (widths as number[]).reduce((a, b) => a + b, 0);
  return undefined;
};

const each = (ops: string, rule: Rule): Record<string, Rule> =>
  Object.fromEntries(ops.split(" ").map((op) => [op, rule]));

/** The width of a node's first output. Source: ONNX, docs/Operators.md; ONNX Runtime, docs/ContribOperators.md. */
const rules: Readonly<Record<string, Rule>> = {
  ...each(
    "Identity Cast Dropout Relu LeakyRelu Elu Selu Gelu Sigmoid HardSigmoid Tanh Softplus Softsign Erf",
    sameAsFirst,
  ),
  ...each("Neg Abs Sqrt Reciprocal Exp Log Sin Cos Clip Softmax LogSoftmax HardSwish Mish", sameAsFirst),
  ...each("LayerNormalization RMSNormalization QuantizeLinear DequantizeLinear", sameAsFirst),
  ...each("SimplifiedLayerNormalization", sameAsFirst),
  ...each(
    "com.microsoft.Gelu com.microsoft.FastGelu com.microsoft.BiasGelu com.microsoft.QuickGelu com.microsoft.SkipLayerNormalization com.microsoft.SkipSimplifiedLayerNormalization",
    sameAsFirst,
  ),
  ...each("Add Sub Mul Div Pow Max Min Mean Sum Where PRelu", broadcast),
  ...each(
    "MatMul MatMulInteger",
    product(1, () => false),
  ),
  Gemm: product(1, (node) => flag(node, "transB") === 1),
  QLinearMatMul: product(3, () => false),
  "com.microsoft.MatMulNBits": (node) => flag(node, "N") || undefined,
  Gather: rows,
  Reshape: reshaped,
  Concat: joined,
};

/**
 * The last dim of a value of the main graph, where the weights it is made of say it; `undefined` where an op in between is none of the
 * few that are followed.
 */
export function widthOf(model: Model, name: string): number | undefined {
  const graph = model.graph ?? {};
  const constants = new Map((graph.initializer ?? []).map((one) => [one.name ?? "", one]));
  const shapes = new Map([...constants].map(([own, { dims }]) => [own, (dims ?? []).map(toNumber)]));
  const widths = new Map<string, number | undefined>();
  for (const info of graph.input ?? []) {
    const last = shapeOf(info)?.at(-1);
    if (typeof last === "number") widths.set(info.name ?? "", last);
  }
  const own = new Set(
    (model.functions ?? []).filter(({ domain }) => !domain || domain === "ai.onnx").map((f) => f.name),
  );
  const known: Known = {
    shape: (of) => shapes.get(of ?? ""),
    width: (of) => (shapes.has(of ?? "") ? (shapes.get(of!)!.at(-1) ?? 1) : widths.get(of ?? "")),
    numbers(of) {
      const constant = constants.get(of ?? "");
      // int64
      if (constant?.dataType !== 7 || constant.dataLocation === 1) return undefined;
      return Array.from(hostTensor(constant).data as BigInt64Array, Number);
    },
  };
  for (const node of graph.node ?? []) {
    const output = node.output?.[0] ?? "";
    const op = opOf(node);
    const value = op === "Constant" ? attribute(node, "value")?.t : undefined;
    const source = node.input?.[0] ?? "";
    if (value) {
      constants.set(output, value);
      shapes.set(output, (value.dims ?? []).map(toNumber));
    } else if (["Identity", "Cast", "DequantizeLinear"].includes(op) && shapes.has(source))
      shapes.set(output, shapes.get(source)!);
    else if (op === "Transpose" && shapes.has(source)) shapes.set(output, permuted(shapes.get(source)!, node));
    else if (Object.hasOwn(rules, op) && !own.has(node.opType)) widths.set(output, rules[op]!(node, known));
    if (node.output?.includes(name)) break;
  }
  return known.width(name);
}

function permuted(shape: readonly number[], node: Node): number[] {
  const order = attribute(node, "perm")?.ints?.map(toNumber) ?? shape.map((_, i) => shape.length - 1 - i);
  return order.map((axis) => shape[axis] ?? 0);
}
