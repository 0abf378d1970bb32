import { distance } from "fastest-levenshtein";
import { ConfigError } from "../util/errors.ts";
import { opOf } from "./nonFloats.ts";
import type { Graph, Model } from "./proto.ts";
import { dataTypeName, shapeOf } from "./tensors.ts";

/** A value of a model's main graph and what the model says of it. */
export interface FoundValue {
  readonly name: string;
  /** The node that gives it, and as which of its outputs; none for an input of the model. */
  readonly producer?: { readonly node: number; readonly output: number } | undefined;
  /** ONNX's number of its element type, and its shape, where they are declared. */
  readonly dataType?: number | undefined;
  readonly shape?: readonly (number | string)[] | undefined;
  /** Whether it is an optional output that the node does not give yet. */
  readonly absent?: boolean;
  /** False where it is declared as a sequence, a map or an optional value. */
  readonly isTensor?: false;
}

/** Optional outputs worth asking for: the sum that becomes the residual stream. Source: ONNX Runtime, docs/ContribOperators.md. */
export const optionalOutputs: Readonly<Record<string, { readonly sum: number; readonly likeInput: boolean }>> = {
  "com.microsoft.SkipLayerNormalization": { sum: 3, likeInput: true },
  "com.microsoft.SkipSimplifiedLayerNormalization": { sum: 3, likeInput: true },
  // The first input is token ids.
  "com.microsoft.EmbedLayerNormalization": { sum: 2, likeInput: false },
};

/** Every graph in a graph: itself and the bodies of its nodes. */
export const graphsIn = (graph: Graph): Graph[] => [
  graph,
  ...(graph.node ?? []).flatMap(({ attribute }) =>
    (attribute ?? []).flatMap(({ g, graphs }) => [...(g ? [g] : []), ...(graphs ?? [])].flatMap(graphsIn)),
  ),
];

/** Every name of a value or node in a model, bodies included. */
export const namesIn = (model: Model): Set<string> =>
  new Set(
    graphsIn(model.graph ?? {}).flatMap(({ node, input, output, initializer, sparseInitializer, valueInfo }) => [
      ...(node ?? []).flatMap((one) => [one.name ?? "", ...(one.output ?? [])]),
      ...[...(input ?? []), ...(output ?? []), ...(initializer ?? []), ...(valueInfo ?? [])].map(
        ({ name }) => name ?? "",
      ),
      ...(sparseInitializer ?? []).map(({ values }) => values?.name ?? ""),
    ]),
  );

/** The values of the main graph that a node or an input gives, with what is declared of them. */
function valuesOf({ input, output, valueInfo, node, initializer }: Graph): FoundValue[] {
  const weights = new Set((initializer ?? []).map(({ name }) => name));
  const declared = new Map(
    [...(valueInfo ?? []), ...(output ?? []), ...(input ?? [])].map((info) => [info.name ?? "", info]),
  );
  const described = (name: string) => {
    const info = declared.get(name);
    const dataType = info?.type?.tensorType?.elemType || undefined;
    const isTensor = !info?.type || info.type.tensorType != null;
    return { name, dataType, shape: info ? shapeOf(info) : undefined, ...(isTensor ? {} : { isTensor }) };
  };
  return [
    ...(input ?? []).filter(({ name }) => !weights.has(name)).map(({ name }) => described(name ?? "")),
    ...(node ?? []).flatMap((one, index) =>
      (one.output ?? []).flatMap((name, at) =>
        name ? [{ ...described(name), producer: { node: index, output: at } }] : [],
      ),
    ),
  ];
}

/**
 * The value called `name`, or `NODE:3` for output 3 of the node called NODE. It may be an optional output that the model does
 * not ask for yet: the residual sum of a fused normalisation.
 * @throws {ConfigError} when there is none, with the nearest names, those `width` wide first, where that is given.
 */
export function findValue(model: Model, name: string, width: number | undefined, file: string): FoundValue {
  const graph = model.graph ?? {};
  const values = valuesOf(graph);
  const found = values.find((value) => value.name === name) ?? outputOf(graph, values, name, file);
  if (found) return found;
  const inBody = graphsIn(graph)
    .slice(1)
    .some(({ node, input }) => [...(input ?? []), ...(node ?? [])].some((one) => carries(one, name)));
  const why = inBody
    ? `"${name}" is inside the body of a Loop, Scan or If, where nothing can be attached`
    : graph.initializer?.some((one) => one.name === name)
      ? `"${name}" is a weight, not an activation`
      : `has no value "${name}"`;
  throw new ConfigError(`${file}: ${why}; ${nearest(values, name, width)}`);
}

const carries = (one: { name?: string | null; output?: string[] | null }, name: string): boolean =>
  one.output ? one.output.includes(name) : one.name === name;

function outputOf(graph: Graph, values: readonly FoundValue[], name: string, file: string): FoundValue | undefined {
  const [, nodeName, text] = /^(.+):(\d+)$/s.exec(name) ?? [];
  const index = (graph.node ?? []).findIndex((one) => one.name === nodeName);
  const node = graph.node?.[index];
  if (!node) return undefined;
  const output = Number(text);
  const own = node.output?.[output];
  if (own) return values.find((value) => value.name === own);
  const { sum, likeInput } = optionalOutputs[opOf(node)] ?? {};
  if (sum !== output)
    throw new ConfigError(
      `${file}: node "${nodeName}" (${node.opType}) gives no output ${output}; ${
        sum === undefined || node.output?.[sum] ? "" : `it can be asked for output ${sum}, the sum; `
      }it gives ${(node.output ?? []).flatMap((one, i) => (one ? [`${i}: ${one}`] : [])).join(", ")}`,
    );
  // The sum has the type and shape of its terms and of the normalised output.
  const like = [node.output?.[0], likeInput ? node.input?.[0] : undefined];
  const { dataType, shape } = values.find((value) => like.includes(value.name) && value.shape) ?? {};
  return { name, producer: { node: index, output }, dataType, shape, absent: true };
}

/** For a message: the values with the names closest to `name`; only those `width` wide, where that is given and there are any. */
export function nearest(values: readonly FoundValue[], name: string, width?: number): string {
  const fitting = width === undefined ? values : values.filter(({ shape }) => shape?.at(-1) === width);
  const unknown = values.filter(({ shape }) => !shape || typeof shape.at(-1) === "string");
  const among = fitting.length > 0 ? fitting : unknown.length > 0 ? unknown : values;
  const rank = (other: string) => (other.includes(name) ? 0 : distance(other, name));
  const closest = [...among].sort((a, b) => rank(a.name) - rank(b.name)).slice(0, 5);
  const near = width === undefined ? "nearest" : `nearest of width ${width}`;
  const what = fitting.length > 0 ? near : `nothing of it is declared ${width} wide; nearest`;
  return `${what}: ${closest.map(showValue).join(", ")}`;
}

/** As `nearest`, among all values of a model. */
export const nearestIn = (model: Model, name: string, width: number): string =>
  nearest(valuesOf(model.graph ?? {}), name, width);

/** `name float32 [batch, 12]`. */
export const showValue = ({ name, dataType, shape }: FoundValue): string =>
  [name, ...(dataType ? [dataTypeName(dataType)] : []), shape ? `[${shape.join(", ")}]` : "(shape not declared)"].join(
    " ",
  );
