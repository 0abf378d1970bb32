/** @file Models as they are published, made such that ONNX Runtime's CPU runs them and their inner values can be read. */
import type { Hook } from "./hooks.ts";
import { type Network, networkOf } from "./locate.ts";
import { decodeModel, encodeModel } from "./model.ts";
import { type Graph, type Model, type Node, type TensorProto, toNumber } from "./proto.ts";
import { graphsIn } from "./values.ts";

/** Element types. Source: onnx.proto, TensorProto.DataType. */
const [float32, bfloat16] = [1, 16];

/** The input by which optimum's merged decoders choose between their branches; where it is false, they start without a cache. */
const withCache = "use_cache_branch";

/** A model, its residual stream, and the bytes that run. */
export interface Runnable extends Network {
  readonly bytes: Uint8Array;
}

/**
 * A model's message as it can be run and read: of a merged decoder the branch without a cache, and bfloat16, for which the CPU has few
 * kernels, as float32. Weights stay as they are stored. Any other model is passed on as it is.
 * @throws {ConfigError} when the bytes are no model.
 */
export function runnable(given: Uint8Array, file: string): Runnable {
  const before = decodeModel(given, file);
  const model = isMerged(before) ? withoutCache(before) : before;
  const bytes = model === before ? given : encodeModel(model);
  const network = networkOf(model, bytes, file);
  if (!has16(model)) return { ...network, bytes };
  const casts = widen(model);
  const scopes = new Map([...network.scopes].map(([node, scope]) => [node + casts, scope] as const));
  return { ...network, scopes, bytes: encodeModel(model) };
}

/** What the value of a place is called in the bytes of a runnable model, which may no longer name its blocks. */
export const valueAt = (hook: Hook | undefined, at: string): string => hook?.value ?? at;

/** Whether a model is two decoders in one. */
export const isMerged = ({ graph }: Model): boolean =>
  (graph?.input ?? []).some(({ name }) => name === withCache) && (graph?.node ?? []).some(chooses);

const chooses = ({ opType, input }: Node): boolean => opType === "If" && input?.[0] === withCache;

/** A merged decoder with the nodes of its branch without a cache in place of the If. */
function withoutCache(model: Model): Model {
  const graph = model.graph!;
  const branches = (graph.node ?? []).filter(chooses).map((node) => branchOf(node));
  const among = <K extends "initializer" | "sparseInitializer" | "valueInfo">(key: K) =>
    [graph, ...branches].flatMap((one) => (one[key] ?? []) as never[]);
  const node = (graph.node ?? []).flatMap((one) => {
    if (!chooses(one)) return [one];
    const branch = branchOf(one);
    const given = (branch.output ?? []).flatMap(({ name }, i): Node[] =>
      name === one.output?.[i]
        ? []
        : [{ opType: "Identity", name: "", input: [name ?? ""], output: [one.output![i]!] }],
    );
    return [...(branch.node ?? []), ...given];
  });
  const input = (graph.input ?? []).filter(({ name }) => name !== withCache);
  const [initializer, sparseInitializer] = [among("initializer"), among("sparseInitializer")];
  return { ...model, graph: { ...graph, node, input, initializer, sparseInitializer, valueInfo: among("valueInfo") } };
}

const branchOf = ({ attribute }: Node): Graph => attribute?.find(({ name }) => name === "else_branch")?.g ?? {};

const has16 = (model: Model): boolean =>
  graphsIn(model.graph ?? {}).some(
    ({ initializer, input, output, valueInfo }) =>
      (initializer ?? []).some(({ dataType }) => dataType === bfloat16) ||
      [input, output, valueInfo].flat().some((one) => one?.type?.tensorType?.elemType === bfloat16),
  );

/** Makes every bfloat16 of a model float32, its weights by a Cast each; gives how many Casts stand before all other nodes. */
function widen(model: Model): number {
  const graphs = graphsIn(model.graph ?? {});
  const names = new Map<string, string>();
  const casts = graphs.map(({ initializer }) =>
    (initializer ?? []).flatMap(({ name, dataType }): Node[] => {
      if (dataType !== bfloat16) return [];
      names.set(name!, `${name}/float32`);
      const attribute = [{ name: "to", type: 2, i: float32 }];
      return [{ opType: "Cast", name: "", input: [name!], output: [`${name}/float32`], attribute }];
    }),
  );
  for (const [at, graph] of graphs.entries()) {
    for (const one of [graph.input, graph.output, graph.valueInfo].flat())
      if (one?.type?.tensorType?.elemType === bfloat16) one.type.tensorType.elemType = float32;
    for (const node of graph.node ?? []) {
      node.input = (node.input ?? []).map((name) => names.get(name) ?? name);
      for (const one of node.attribute ?? []) {
        if ((one.name === "to" || one.name === "dtype") && toNumber(one.i) === bfloat16) one.i = float32;
        if (one.t?.dataType === bfloat16) widenTensor(one.t);
      }
    }
    graph.node = [...casts[at]!, ...(graph.node ?? [])];
  }
  return casts[0]!.length;
}

/** Makes a small bfloat16 tensor one of float32: a bfloat16 is the upper half of a float32. */
function widenTensor(proto: TensorProto): void {
  const raw = proto.rawData?.length ? proto.rawData : new Uint8Array(Uint16Array.from(proto.int32Data ?? []).buffer);
  const wide = new Uint8Array(2 * raw.length);
  for (const [at, byte] of raw.entries()) wide[4 * (at >> 1) + 2 + (at & 1)] = byte;
  [proto.dataType, proto.rawData, proto.int32Data] = [float32, wide, []];
}
