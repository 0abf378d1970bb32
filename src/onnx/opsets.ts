import { ConfigError } from "../util/errors.ts";
import { type Attribute, type Graph, type Model, type Node, toNumber } from "./proto.ts";
import { converter } from "./raise.ts";
import { hostTensor, tensorProto } from "./tensors.ts";

/** The opsets that models can be moved between. */
export const movable = { from: 11, to: 26 } as const;

/** The version of the default domain a model is written in, if it imports it. */
export const opsetOf = (model: Model): number | undefined => {
  const own = model.opsetImport?.find(({ domain }) => !domain || domain === "ai.onnx");
  return own && toNumber(own.version);
};

/**
 * The first opset at which an op means the same as at opsets 13 and 17, for float32 and integer indices. Later versions, up
 * to `movable.to`, only added element types, or attributes that are off by default. Source: ONNX, docs/Changelog.md.
 */
const sameSince: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    [
      ...["Abs", "Add", "And", "Concat", "Div", "Exp", "Expand", "Gather", "GatherElements", "GatherND", "Gemm"],
      ...["Greater", "Identity", "Less", "Log", "MatMul", "Mul", "Neg", "Not", "Or", "Reciprocal", "Relu", "Reshape"],
      ...["ScatterElements", "ScatterND", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Sqrt", "Sub", "Tanh", "TopK"],
      ...["Transpose", "Where", "Cast", "Clip", "Equal", "ConstantOfShape"],
    ].map((op) => [op, 11]),
  ),
  Max: 12,
  Min: 12,
  Pow: 12,
  GreaterOrEqual: 12,
  LessOrEqual: 12,
  DequantizeLinear: 13,
  Softmax: 13,
};

/** Attributes that came later than their op. */
const attributeSince: Readonly<Record<string, number>> = {
  "ScatterElements.reduction": 16,
  "ScatterND.reduction": 16,
  "Reshape.allowzero": 14,
  "Shape.start": 15,
  "Shape.end": 15,
};

/** The first opset at which an op takes its axes as its second input; before, they are an attribute. */
const axesAsInputSince: Readonly<Record<string, number>> = {
  ReduceSum: 13,
  Squeeze: 13,
  Unsqueeze: 13,
  ...Object.fromEntries(["ReduceMax", "ReduceMin", "ReduceMean", "ReduceSumSquare", "ReduceL2"].map((op) => [op, 18])),
};

/**
 * A graph of opset `from`, rewritten in opset `to`.
 * @throws {ConfigError} naming the op that has no equal there, or is not known to have one.
 */
export function toOpset(graph: Graph, from: number, to: number, what: string): Graph {
  if (from === to) return graph;
  const outside = [from, to].find((version) => version < movable.from || version > movable.to);
  if (outside !== undefined)
    throw new ConfigError(
      `${what}: opsets ${from} and ${to} cannot be reconciled, only ${movable.from} to ${movable.to} can; ${converter(17)}`,
    );
  const added: NonNullable<Graph["initializer"]> = [];
  const node = (graph.node ?? []).map((one): Node => {
    const refuse = () =>
      new ConfigError(
        `${what}: opsets cannot be reconciled: ${one.opType} of opset ${from} has no known equal in opset ${to}; ${converter(from)}`,
      );
    if (one.domain && one.domain !== "ai.onnx") throw refuse();
    const op = one.opType ?? "";
    const late = one.attribute?.some(({ name }) => to < (attributeSince[`${op}.${name}`] ?? 0));
    const movedAt = axesAsInputSince[op];
    if (late || (movedAt === undefined && !(to >= (sameSince[op] ?? Number.POSITIVE_INFINITY)))) throw refuse();
    if (movedAt === undefined || from >= movedAt === to >= movedAt) return one;
    if (to < movedAt) {
      const axes = one.input?.[1] ?? "";
      if (axes === "") return { ...one, input: one.input!.slice(0, 1) };
      const constant = graph.initializer?.find(({ name }) => name === axes);
      if (!constant || one.attribute?.some(({ name }) => name === "noop_with_empty_axes")) throw refuse();
      const ints = Array.from(hostTensor(constant).data as BigInt64Array, Number);
      const attribute: Attribute = { name: "axes", type: 7, ints };
      return { ...one, input: one.input!.slice(0, 1), attribute: [...(one.attribute ?? []), attribute] };
    }
    const axes = one.attribute?.find(({ name }) => name === "axes")?.ints?.map(toNumber);
    if (!axes) return one;
    const name = `${one.output?.[0]}/axes`;
    const data = BigInt64Array.from(axes, BigInt);
    added.push(tensorProto(name, { dtype: "int64", dims: [axes.length], data }));
    return {
      ...one,
      input: [one.input?.[0] ?? "", name],
      attribute: one.attribute!.filter(({ name }) => name !== "axes"),
    };
  });
  return { ...graph, node, initializer: [...(graph.initializer ?? []), ...added] };
}
