import { ConfigError } from "../util/errors.ts";
import { type Graph, type Model, type Node, toNumber, type ValueInfo } from "./proto.ts";

/**
 * A model that runs `first`, then `second` on its outputs. An input of `second` with the name of an input or output of
 * `first` is that value; its other inputs become inputs of the whole. Everything inside `second` is renamed `prefix/...`.
 * The outputs are those of `first` that are to be kept and those of `second`, the metadata those of `first`.
 * @throws {ConfigError} when the two need different opsets, `second` has bodies, or both use one name for different values.
 */
export function chainModels(first: Model, second: Model, prefix: string, keep: readonly string[] = []): Model {
  const [a, b] = [first, second].map((model) =>
    model.opsetImport?.map((o) => `${o.domain || "ai.onnx"} ${toNumber(o.version)}`).join(),
  );
  if (a !== b) throw new ConfigError(`chain: the models are of different opsets, ${a} and ${b}`);
  const [front, back] = [first.graph ?? {}, second.graph ?? {}];
  const frontNames = new Set([...(front.input ?? []), ...(front.output ?? [])].map(({ name }) => name));
  const kept = new Set([...(back.input ?? []), ...(back.output ?? [])].map(({ name }) => name ?? ""));
  const rename = (name: string | null | undefined) => (!name || kept.has(name) ? (name ?? "") : `${prefix}/${name}`);
  const added = (back.input ?? []).filter(({ name }) => !frontNames.has(name));
  if (back.node?.some(({ attribute }) => attribute?.some(({ g }) => g)))
    throw new ConfigError(`chain: ${prefix} has a Loop, Scan or If, whose body is not renamed; put it first`);
  const made = new Set([
    ...[...(front.input ?? []), ...(front.initializer ?? [])].map(({ name }) => name),
    ...(front.node ?? []).flatMap(({ output }) => output ?? []),
  ]);
  const twice = [...added, ...(back.output ?? [])].find(({ name }) => made.has(name));
  if (twice) throw new ConfigError(`chain: both models have a value "${twice.name}"; rename that of ${prefix}`);
  const moved = renamed(back, rename);
  const isKept = ({ name }: ValueInfo) => keep.includes(name ?? "");
  const outside = (front.output ?? []).filter(isKept);
  const inside = (front.output ?? []).filter((one) => !isKept(one));
  return {
    ...first,
    graph: {
      ...front,
      name: `${front.name}_${back.name}`,
      node: [...(front.node ?? []), ...(moved.node ?? [])],
      initializer: [...(front.initializer ?? []), ...(moved.initializer ?? [])],
      valueInfo: [...(front.valueInfo ?? []), ...inside, ...(moved.valueInfo ?? [])],
      input: [...(front.input ?? []), ...added],
      output: [...outside, ...(back.output ?? [])],
    },
  };
}

/** A graph with every value and node renamed. */
const renamed = (graph: Graph, rename: (name: string | null | undefined) => string): Graph => ({
  node: (graph.node ?? []).map(
    (node): Node => ({
      ...node,
      name: rename(node.name),
      input: (node.input ?? []).map(rename),
      output: (node.output ?? []).map(rename),
    }),
  ),
  initializer: (graph.initializer ?? []).map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
  valueInfo: (graph.valueInfo ?? []).map((info) => ({ ...info, name: rename(info.name) })),
});
