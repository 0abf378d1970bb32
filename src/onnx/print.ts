import { metadataOf } from "./model.ts";
import type { Attribute, Graph, Model, Node, TensorProto, ValueInfo } from "./proto.ts";
import { toNumber } from "./proto.ts";
import { dataTypeName, dtypeOf, hostTensor, shapeOf } from "./tensors.ts";

/**
 * A model as text: inputs, constants, nodes with the shapes of what they give, outputs; bodies indented.
 * The same model gives the same text, so it can be kept and compared. Weights are named by shape, not printed.
 */
export function printModel(model: Model): string {
  const opsets = (model.opsetImport ?? []).map(({ domain, version }) => `${domain || "ai.onnx"} ${toNumber(version)}`);
  const metadata = Object.entries(metadataOf(model)).map(([key, value]) => `# ${key}: ${value}`);
  return [
    `# ONNX IR ${toNumber(model.irVersion)}, opset ${opsets.join(", ")}`,
    ...metadata,
    ...printGraph(model.graph ?? {}, "", new Map()),
    "",
  ].join("\n");
}

/** Small constants stand where they are used; `outer` are those of the graphs around. */
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

function printNode(node: Node, indent: string, inline: ReadonlyMap<string, string>, types: ReadonlyMap<string, string>) {
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

/** A constant of at most eight elements, written out. */
function literal(tensor: TensorProto): string | undefined {
  const dims = (tensor.dims ?? []).map(toNumber);
  if (dims.length > 1 || (dims[0] ?? 1) > 8 || !dtypeOf(tensor.dataType) || tensor.dataLocation === 1) return undefined;
  const { dtype, data } = hostTensor(tensor);
  const values = Array.from<number | bigint>(data as ArrayLike<number | bigint>).map((value) =>
    dtype === "bool" ? String(value === 1) : dtype === "float32" ? String(Number(Number(value).toPrecision(8))) : String(value),
  );
  return dims.length === 0 ? values[0]! : `[${values.join(", ")}]`;
}

function attributeText(one: Attribute): string {
  if (one.s?.length) return JSON.stringify(new TextDecoder().decode(one.s));
  if (one.ints?.length) return `[${one.ints.map(toNumber).join(", ")}]`;
  if (one.floats?.length) return `[${one.floats.join(", ")}]`;
  if (one.t) return tensorType(one.t);
  return one.type === 1 ? String(one.f ?? 0) : String(toNumber(one.i));
}
