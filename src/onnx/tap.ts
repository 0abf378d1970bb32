import { ConfigError } from "../util/errors.ts";
import { readBy } from "./hooks.ts";
import { largestMessage } from "./model.ts";
import { type Graph, type Model, type Node, onnx } from "./proto.ts";
import { dataTypes } from "./tensors.ts";
import type { FoundValue } from "./values.ts";
import { fieldsOf, join, sizeOfAll, wrap } from "./wire.ts";

/** Field numbers of the messages. Source: onnx.proto. */
const inModel = { graph: 7 } as const;
const inGraph = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const inNode = { output: 2 } as const;

/** What is read of a model. */
export interface Taps {
  /** Values of the main graph, by the names they get as outputs; given in float32. */
  readonly taps: Readonly<Record<string, FoundValue>>;
  /** Outputs of the model that are given too, as they are. Default: none. */
  readonly keep?: readonly string[];
}

/** A model that gives inner values. */
export interface Tapped {
  readonly bytes: Uint8Array;
  /** Inputs that what is read needs, by their names. */
  readonly inputs: readonly string[];
}

/**
 * The bytes of a model that gives inner values and nothing else: only the nodes, weights and inputs that they need are in it. What stays
 * is passed on byte by byte, so that fields of a later ONNX are kept.
 * @throws {ConfigError} when the message holds its graph in several pieces.
 */
export function tap(bytes: Uint8Array, model: Model, { taps, keep = [] }: Taps, file: string): Tapped {
  const graph = model.graph ?? {};
  const asked = Object.entries(taps).map(([name, value]) => ({ name, ...tapNode(name, value) }));
  const needed = neededBy(
    graph,
    [...keep, ...asked.map(({ source }) => source)],
    [...asked.flatMap(({ rename }) => (rename ? [rename.node] : []))],
  );
  const fields = fieldsOf(bytes);
  if (fields.filter(({ number }) => number === inModel.graph).length !== 1)
    throw new ConfigError(`${file}: its graph is written in several pieces; load it and save it again`);
  const index: Record<number, number> = {};
  const kept = (content: Uint8Array): Uint8Array[] =>
    fieldsOf(content).flatMap((field) => {
      const { number } = field;
      index[number] = (index[number] ?? -1) + 1;
      const at = index[number];
      if (number === inGraph.node) {
        if (!needed.nodes.has(at)) return [];
        const renamed = asked.flatMap(({ rename }) => (rename?.node === at ? [rename] : []));
        return renamed.length === 0 ? [field.bytes] : wrap(inGraph.node, withOutputs(field.content, renamed));
      }
      if (number === inGraph.initializer)
        return needed.values.has(graph.initializer![at]!.name ?? "") ? [field.bytes] : [];
      if (number === inGraph.input) return needed.values.has(graph.input![at]!.name ?? "") ? [field.bytes] : [];
      if (number === inGraph.output) return keep.includes(graph.output![at]!.name ?? "") ? [field.bytes] : [];
      // Shapes inside are found by the runtime; declared ones go stale when a model is changed.
      return number === inGraph.valueInfo ? [] : [field.bytes];
    });
  const added = onnx.GraphProto.encode({
    node: asked.map(({ node }) => node),
    output: asked.map(({ name }) => ({ name, type: { tensorType: { elemType: dataTypes.float32 } } })),
  }).finish();
  const pieces = fields.flatMap((field) =>
    field.number === inModel.graph ? wrap(inModel.graph, [...kept(field.content), added]) : [field.bytes],
  );
  if (sizeOfAll(pieces) > largestMessage)
    throw new ConfigError(`${file}: has more than 2 GB in one message; save its weights as external data`);
  const weights = new Set((graph.initializer ?? []).map(({ name }) => name));
  const inputs = (graph.input ?? []).map(({ name }) => name ?? "").filter((name) => !weights.has(name));
  return { bytes: join(pieces), inputs: inputs.filter((name) => needed.values.has(name)) };
}

/** The node that gives a value as an output in float32, and which output of another node it needs named for that. */
function tapNode(name: string, { name: own, producer, absent }: FoundValue) {
  const source = absent ? `${name}/sum` : own;
  const node: Node = {
    opType: "Cast",
    name: `${name}/float32`,
    input: [source],
    output: [name],
    attribute: [{ name: "to", type: 2, i: dataTypes.float32 }],
  };
  const rename = absent && producer ? { ...producer, name: source } : undefined;
  return { source, node, rename };
}

/** The nodes, by their numbers, and the names that some values need. */
function neededBy(graph: Graph, wanted: readonly string[], also: readonly number[]) {
  const values = new Set(wanted);
  const nodes = new Set<number>();
  const all = graph.node ?? [];
  for (let index = all.length - 1; index >= 0; index--) {
    const node = all[index]!;
    if (!also.includes(index) && !node.output?.some((name) => name !== "" && values.has(name))) continue;
    nodes.add(index);
    for (const name of readBy(node)) values.add(name);
  }
  for (const { values: sparse } of graph.sparseInitializer ?? []) values.add(sparse?.name ?? "");
  return { nodes, values };
}

/** A node's bytes with further outputs named. */
function withOutputs(node: Uint8Array, renamed: readonly { readonly output: number; readonly name: string }[]) {
  const names: string[] = [];
  const rest: Uint8Array[] = [];
  for (const { number, content, bytes } of fieldsOf(node))
    if (number === inNode.output) names.push(new TextDecoder().decode(content));
    else rest.push(bytes);
  for (const { output, name } of renamed) {
    while (names.length <= output) names.push("");
    names[output] = name;
  }
  return [...rest, ...names.flatMap((name) => wrap(inNode.output, [new TextEncoder().encode(name)]))];
}
