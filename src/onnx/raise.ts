/** @file Old models at a later opset: what they say is left as it is, where it means the same there. */
import { type Model, type Node, toNumber } from "./proto.ts";
import { graphsIn } from "./values.ts";

/** The oldest opset that is raised, and to which: the first at which an encoder can be written. */
export const raisable = { from: 7, to: 11 } as const;

const has = (name: string) => (node: Node) => node.attribute?.some((one) => one.name === name) ?? false;
const always = () => true;

/**
 * Ops that opset 11 reads in another way than an earlier one: since which opset, and which nodes. All others only got further element
 * types and attributes, and negative axes. Source: ONNX, docs/Changelog.md; its schemas of opsets 7 to 11 compared one by one.
 */
const changed: Readonly<Record<string, { readonly since: number; readonly of: (node: Node) => boolean }>> = {
  Upsample: { since: 10, of: always },
  Scan: { since: 9, of: always },
  Slice: { since: 10, of: always },
  TopK: { since: 10, of: always },
  ...Object.fromEntries(
    ["Clip", "Pad", "Resize", "Scatter", "OneHot", "NonMaxSuppression"].map((op) => [op, { since: 11, of: always }]),
  ),
  BatchNormalization: { since: 9, of: has("spatial") },
  // The mask was a number, now it is true or false.
  Dropout: { since: 10, of: ({ output }) => (output?.[1] ?? "") !== "" },
  ConvTranspose: { since: 11, of: has("auto_pad") },
};

/** What keeps a model of an old opset from being one of opset 11 as it stands; nothing where it says the same there. */
export function notRaised({ graph, functions }: Model, opset: number): string | undefined {
  if (opset < raisable.from) return `opset ${opset} is older than opset ${raisable.from}`;
  if (functions?.length) return "it has functions of its own";
  for (const { node } of graphsIn(graph ?? {}))
    for (const one of node ?? []) {
      const rule = one.domain && one.domain !== "ai.onnx" ? undefined : changed[one.opType ?? ""];
      if (rule && opset < rule.since && rule.of(one))
        return `${one.opType} of opset ${opset} is written otherwise since opset ${rule.since}`;
    }
  return undefined;
}

/** How a model is brought to another opset by other software, for messages. */
export const converter = (opset: number): string =>
  `convert the model, in Python: onnx.version_converter.convert_version(model, ${opset})`;

/** The first IR version whose initializers need not be inputs too, and the one before, whose models it reads as they are. */
export const plainInitializers = { since: 4, before: 3 } as const;

/** The IR version to write, where the model's own wants every initializer among the inputs. Initializers that are inputs stay what they were: defaults. */
export const irToWrite = (model: Model): number | undefined =>
  toNumber(model.irVersion) === plainInitializers.before ? plainInitializers.since : undefined;
