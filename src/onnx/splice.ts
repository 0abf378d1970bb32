import { ConfigError } from "../util/errors.ts";
import { largestMessage } from "./model.ts";
import { type Graph, type Model, onnx } from "./proto.ts";
import { type Field, fieldsOf, join, sizeOfAll, wrap } from "./wire.ts";

/** Field numbers of the messages. Source: onnx.proto. */
const inModel = { graph: 7, opsetImport: 8 } as const;
const inGraph = { node: 1 } as const;
const inNode = { output: 2 } as const;

/** What is put into a model. */
export interface Splice {
  /** The new nodes are put after this node; without one, before all others. */
  readonly after?: number | undefined;
  /** Another name for one output of that node. Outputs before it that the node leaves out are added, without names. */
  readonly rename?: { readonly output: number; readonly name: string } | undefined;
  /** Nodes, initializers, inputs, outputs. */
  readonly graph: Graph;
  /** IR version, opset imports and metadata properties. An opset of the default domain takes the place of the model's own. */
  readonly model?: Pick<Model, "irVersion" | "opsetImport" | "metadataProps">;
}

/**
 * The bytes of a model with new nodes in it. Every other byte is passed on unchanged. So fields that this library does not
 * know are kept: those of a later ONNX, and anybody's own.
 * @throws {ConfigError} when the message holds its graph in several pieces, and when the whole would reach 2 GB.
 */
export function splice(bytes: Uint8Array, { after, rename, graph, model = {} }: Splice, file: string): Uint8Array {
  const fields = fieldsIn(bytes, file);
  if (fields.filter(({ number }) => number === inModel.graph).length !== 1)
    throw new ConfigError(`${file}: its graph is written in several pieces; load it and save it again`);
  const isReplaced = ({ number, content }: Field) =>
    number === inModel.opsetImport && (model.opsetImport ?? []).some(isDefault) && isDefault(decodeImport(content));
  const { node, ...rest } = graph;
  const nodes = onnx.GraphProto.encode({ node: node ?? [] }).finish();
  const others = onnx.GraphProto.encode(rest).finish();

  const newGraph = (content: Uint8Array): Uint8Array[] => {
    let index = -1;
    const before = after === undefined ? [nodes] : [];
    const kept = fieldsIn(content, file).flatMap((field): Uint8Array[] => {
      if (field.number !== inGraph.node) return [field.bytes];
      index++;
      if (index !== after) return [field.bytes];
      return [...(rename ? wrap(inGraph.node, renameOutput(field.content, rename, file)) : [field.bytes]), nodes];
    });
    return [...before, ...kept, others];
  };
  const pieces = [
    ...fields.flatMap((field) =>
      isReplaced(field)
        ? []
        : field.number === inModel.graph
          ? wrap(inModel.graph, newGraph(field.content))
          : [field.bytes],
    ),
    onnx.ModelProto.encode(model).finish(),
  ];
  if (sizeOfAll(pieces) > largestMessage)
    throw new ConfigError(
      `${file}: with what is added it has ${sizeOfAll(pieces)} bytes, more than 2 GB fit no ONNX message; save its weights as external data`,
    );
  return join(pieces);
}

const decodeImport = (content: Uint8Array) => onnx.OperatorSetIdProto.decode(content);
const isDefault = ({ domain }: { readonly domain?: string | null }) => !domain || domain === "ai.onnx";

/** The fields of a message. @throws {ConfigError} where the bytes are no message: the reader of models accepts some that are not. */
function fieldsIn(message: Uint8Array, file: string): Field[] {
  try {
    return fieldsOf(message);
  } catch (error) {
    throw new ConfigError(`${file}: damaged model (${(error as Error).message}); get or save it again`);
  }
}

/** A node's fields with one output renamed. */
function renameOutput(node: Uint8Array, { output, name }: { output: number; name: string }, file: string) {
  let index = 0;
  const pieces = fieldsIn(node, file).map(({ number, bytes }: Field) =>
    number === inNode.output && index++ === output ? named(name) : bytes,
  );
  for (; index < output; index++) pieces.push(named(""));
  if (index === output) pieces.push(named(name));
  return pieces;
}

const named = (name: string): Uint8Array => join(wrap(inNode.output, [new TextEncoder().encode(name)]));
