import type { Node } from "../proto.ts";
import { castTo } from "../rules.ts";
import { dataTypeName } from "../tensors.ts";

const truths = new Set([
  ...["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Not", "And", "Or", "Xor", "IsNaN", "IsInf"],
]);
const counts = new Set(["Shape", "Size", "NonZero", "ArgMax", "ArgMin"]);

/** The element type of an output of a node, by name, where its op says it or passes on that of an input. */
export function outputType(
  node: Node,
  output: number,
  type: (input: number) => string | undefined,
): string | undefined {
  const op = node.opType ?? "";
  if (truths.has(op)) return "bool";
  if (counts.has(op) || (op === "TopK" && output === 1)) return "int64";
  if (op === "Dropout" && output === 1) return "bool";
  if (op === "Cast") return castTo(node);
  if (op === "Where" || op === "DequantizeLinear" || op === "CastLike") return type(1);
  // A zero point has the type of the codes.
  if (op === "QuantizeLinear") return type(2) ?? "uint8";
  if (op === "MatMulInteger" || op === "ConvInteger") return "int32";
  const value = node.attribute?.find(({ name }) => name === "value")?.t;
  if (op === "Constant" || op === "ConstantOfShape") return value ? dataTypeName(value.dataType) : "float32";
  // Ids come first.
  if (op === "EmbedLayerNormalization") return type(2);
  return type(0);
}
