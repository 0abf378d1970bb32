import { visible } from "../util/visible.ts";
import { metadataOf } from "./model.ts";
import type { Attribute, Graph, Model, Node, TensorProto, ValueInfo } from "./proto.ts";
import { toNumber } from "./proto.ts";
import { dataTypeName, dtypeOf, hostTensor, shapeOf } from "./tensors.ts";

/**
 * A model as text: inputs, constants, nodes with the shapes of what they give, outputs; bodies indented.
 * The same model gives the same text, so it can be kept and compared. Weights are named by shape, not printed.
 * @throws {ConfigError} when a small constant's data do not fit its shape.
 */
export function printModel(model: Model): string {
  const opsets = (model.opsetImport ?? []).map(({ domain, version }) => `${domain || "ai.onnx"} ${toNumber(version)}`);
  const metadata = Object.entries(metadataOf(model)).map(
    ([key, value]) => `# ${key}: ${value.replaceAll("\n", "\\n")}`,
  );
  return [
    `# ONNX IR ${toNumber(model.irVersion)}, opset ${opsets.join(", ")}`,
    ...metadata,
    ...printGraph(model.graph ?? {}, "", new Map()),
    "",
  ]
    .map(visible)
    .join("\n");
}

/** Small constants are printed where they are used; `outer` are those of the enclosing graphs. */
function printGraph(graph: Graph, indent: string, outer: ReadonlyMap<string, string>): string[] {
  const inline = new Map(outer);
  for (const tensor of graph.initializer ?? []) {
    const text = literal(tensor);
    if (text !== undefined) inline.set(tensor.name ?? "", text);
  }
  const infos = [...(graph.valueInfo ?? []), ...(graph.output ?? [])];
  const types = new Map(infos.map((info) => [info.name ?? "", typeOf(info)]));
  const weights = (graph.initializer ?? []).filter((tensor) => !inline.has(tensor.name ?? ""));
  return [
    `${indent}graph ${graph.name ?? ""}(`,
    ...(graph.input ?? []).map((info) => `${indent}  ${info.name}: ${typeOf(info)},`),
    `${indent}) {`,
    ...weights.map((tensor) => `${indent}  ${tensor.name} = weights ${tensorType(tensor)}`),
    ...(graph.node ?? []).flatMap((node) => printNode(node, `${indent}  `, inline, types)),
    `${indent}  return ${(graph.output ?? []).map((info) => info.name).join(", ")}`,
    `${indent}}`,
  ];
}

function printNode(
  node: Node,
  indent: string,
  inline: ReadonlyMap<string, string>,
  types: ReadonlyMap<string, string>,
) {
  const outputs = (node.output ?? []).map((name) => (types.has(name) ? `${name}: ${types.get(name)}` : name));
  const inputs = (node.input ?? []).map((name) => inline.get(name) ?? (name === "" ? "-" : name));
  const plain = (node.attribute ?? []).filter(({ g }) => !g).map((one) => `${one.name}=${attributeText(one)}`);
  const op = node.domain ? `${node.domain}.${node.opType}` : node.opType;
  return [
    `${indent}${outputs.join(", ")} = ${op}${plain.length ? `<${plain.join(", ")}>` : ""}(${inputs.join(", ")})`,
    ...(node.attribute ?? []).flatMap(({ g }) => (g ? printGraph(g, `${indent}  `, inline) : [])),
  ];
}

const typeOf = (info: ValueInfo): string => {
  const shape = shapeOf(info);
  return `${dataTypeName(info.type?.tensorType?.elemType)}${shape ? `[${shape.join(", ")}]` : ""}`;
};

const tensorType = (tensor: TensorProto): string =>
  `${dataTypeName(tensor.dataType)}[${(tensor.dims ?? []).map(toNumber).join(", ")}]`;

/** A constant of at most eight elements, written out. Not of float16, which are raw bits here. */
function literal(tensor: TensorProto): string | undefined {
  const dims = (tensor.dims ?? []).map(toNumber);
  const known = dtypeOf(tensor.dataType);
  if (dims.length > 1 || (dims[0] ?? 1) > 8 || !known || known === "float16" || tensor.dataLocation === 1)
    return undefined;
  const { dtype, data } = hostTensor(tensor);
  const values = Array.from<number | bigint>(data as ArrayLike<number | bigint>).map((value) =>
    dtype === "bool" ? String(value === 1) : dtype === "float32" ? float32Text(Number(value)) : String(value),
  );
  return dims.length === 0 ? values[0]! : `[${values.join(", ")}]`;
}

/** The shortest decimal that is this float32 and no other. */
function float32Text(value: number): string {
  if (Object.is(value, -0)) return "-0";
  const digits = [6, 7, 8].find((count) => Math.fround(Number(value.toPrecision(count))) === value) ?? 9;
  return String(Number(value.toPrecision(digits)));
}

/** An attribute's value; `to`, an element type, by name. */
function attributeText({ name, type, f, i, s, t, floats, ints, strings }: Attribute): string {
  const text = (bytes: Uint8Array | null | undefined) =>
    JSON.stringify(new TextDecoder().decode(bytes ?? new Uint8Array()));
  if (name === "to") return dataTypeName(toNumber(i));
  if (type === 1) return String(f ?? 0);
  if (type === 2) return String(toNumber(i));
  if (type === 3) return text(s);
  if (type === 4) return tensorType(t ?? {});
  if (type === 6) return `[${(floats ?? []).join(", ")}]`;
  if (type === 7) return `[${(ints ?? []).map(toNumber).join(", ")}]`;
  return type === 8 ? `[${(strings ?? []).map(text).join(", ")}]` : `of type ${type}`;
}
