import { ConfigError } from "../util/errors.ts";
import type { Graph } from "./proto.ts";

/**
 * The nodes and initializers that some values need. @throws {ConfigError} when the graph has bodies, whose needs are not seen.
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

/** A graph with every value and node renamed; the missing (`""`) stay missing. */
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
