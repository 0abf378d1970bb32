import { type Graph, type Node, toNumber } from "./proto.ts";
import { dataTypeName } from "./tensors.ts";

const codes = "whole numbers that mean nothing without their scale";
const statistics = "a statistic of each row";
const truth = "true or false";
const numbers = "whole numbers";

const all = (ops: readonly string[], what: string) => Object.fromEntries(ops.map((op) => [op, [what, what, what]]));

/**
 * Which outputs of ops are no float activations, and what they are instead. Needed where a model declares no types: cast to
 * float32, such a value would look like an activation. Source: ONNX, docs/Operators.md; ONNX Runtime, docs/ContribOperators.md.
 */
const given: Readonly<Record<string, readonly (string | undefined)[]>> = {
  ...all(["QuantizeLinear", "QLinearMatMul", "QLinearConv", "MatMulInteger", "ConvInteger"], codes),
  DynamicQuantizeLinear: [codes, "a scale", codes],
  ...all(
    ["QuantizeLinear", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearLeakyRelu"].map(
      (op) => `com.microsoft.${op}`,
    ),
    codes,
  ),
  ...all(["ArgMax", "ArgMin", "Shape", "Size", "NonZero"], numbers),
  ...all(["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Not", "Xor", "IsNaN"], truth),
  TopK: [undefined, numbers],
  LayerNormalization: [undefined, statistics, statistics],
  "com.microsoft.SkipLayerNormalization": [undefined, statistics, statistics],
  "com.microsoft.SkipSimplifiedLayerNormalization": [undefined, statistics, statistics],
  "com.microsoft.EmbedLayerNormalization": [undefined, numbers],
};

/** Ops whose output is their first input in another shape, or a part of it. */
const passing = new Set(["Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Gather"]);

/** What the value is, where the op that made it says that it is no float activation. */
export function nonFloat(graph: Graph, name: string): string | undefined {
  for (let at = name; ; ) {
    const node = graph.node?.find(({ output }) => output?.includes(at));
    if (!node) return undefined;
    if (!passing.has(opOf(node))) return named(node, node.output!.indexOf(at));
    at = node.input?.[0] ?? "";
    if (at === "") return undefined;
  }
}

/** A node's key in these tables: `Add`, `com.microsoft.QLinearAdd`. */
export const opOf = ({ domain, opType }: Node): string =>
  domain && domain !== "ai.onnx" ? `${domain}.${opType}` : (opType ?? "");

function named(node: Node, output: number): string | undefined {
  const to = toNumber(node.attribute?.find(({ name }) => name === "to")?.i);
  // 1, 10, 11, 16: float32, float16, float64, bfloat16.
  if (opOf(node) === "Cast") return [1, 10, 11, 16].includes(to) ? undefined : dataTypeName(to);
  const what = given[opOf(node)]?.[output];
  return what && `${what}, from ${node.opType}`;
}
