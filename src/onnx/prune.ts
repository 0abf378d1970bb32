import { ConfigError } from "../util/errors.ts";
import type { Graph, Model } from "./proto.ts";

/**
 * The nodes and initializers that some values need.
 * @throws {ConfigError} when the graph has bodies: what they need from outside is not followed.
 */
export function prune(graph: Graph, wanted: readonly string[], what: string): Graph {
  const needed = new Set(wanted);
  const node = (graph.node ?? [])
    .toReversed()
    .filter(({ output, input, attribute, opType }) => {
      if (!output?.some((name) => needed.has(name))) return false;
      if (attribute?.some(({ g, graphs }) => g || graphs?.length))
        throw new ConfigError(`${what}: ${opType} has a body; a frozen encoder has none`);
      for (const name of input ?? []) needed.add(name);
      return true;
    })
    .reverse();
  return { node, initializer: (graph.initializer ?? []).filter(({ name }) => needed.has(name ?? "")) };
}

/** The model with only some of its outputs, and only what they need. Where a node has a body, everything stays. */
export function onlyOutputs(model: Model, wanted: readonly string[]): Model {
  const graph = model.graph ?? {};
  const output = (graph.output ?? []).filter(({ name }) => wanted.includes(name ?? ""));
  if (graph.node?.some(({ attribute }) => attribute?.some(({ g, graphs }) => g || graphs?.length)))
    return { ...model, graph: { ...graph, output } };
  const { node, initializer } = prune(graph, wanted, graph.name ?? "model");
  const used = new Set((node ?? []).flatMap(({ input, output }) => [...(input ?? []), ...(output ?? [])]));
  const among = <T extends { name?: string | null }>(infos: T[] | null | undefined) =>
    (infos ?? []).filter(({ name }) => used.has(name ?? ""));
  const kept = { node: node ?? [], initializer: initializer ?? [], output };
  return { ...model, graph: { ...graph, ...kept, input: among(graph.input), valueInfo: among(graph.valueInfo) } };
}

/** A graph with every value and node renamed. Left-out inputs and outputs (`""`) stay left out. */
export function renamed(graph: Graph, rename: (name: string) => string): Graph {
  const other = (name: string | null | undefined) => (name ? rename(name) : "");
  return {
    node: (graph.node ?? []).map((node) => ({
      ...node,
      name: other(node.name),
      input: (node.input ?? []).map(other),
      output: (node.output ?? []).map(other),
    })),
    initializer: (graph.initializer ?? []).map((tensor) => ({ ...tensor, name: other(tensor.name) })),
  };
}
