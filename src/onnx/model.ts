import { ConfigError } from "../util/errors.ts";
import { checkNotMistaken, otherKind } from "../util/mistaken.ts";
import { externalDataFrom, splitExternalData, weightBytes } from "./external.ts";
import { type Graph, type Model, onnx } from "./proto.ts";
import { hasMoreFields, maxFields } from "./size.ts";
import { fieldsOf } from "./wire.ts";

/** ONNX Runtime refuses a model message of 2 GB and more. */
export const largestMessage = 2 ** 31 - 1;

/**
 * The bytes of a model.
 * @throws {ConfigError} when they reach 2 GB; keep the weights outside then (`packModel`).
 */
export function encodeModel(model: Model): Uint8Array {
  const bytes = onnx.ModelProto.encode(model).finish();
  if (bytes.length > largestMessage)
    throw new ConfigError(`model of ${bytes.length} bytes: more than 2 GB fit no ONNX message; use external data`);
  return bytes;
}

/** A model as ONNX Runtime takes it: its message, and the files its large weights are in, if any. */
export interface PackedModel {
  readonly bytes: Uint8Array;
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** A model as bytes; weights past `limit` bytes (default 1.5 GB) go to a file `dataFile` of their own. */
export function packModel(model: Model, { dataFile = "weights.data", limit = externalDataFrom } = {}): PackedModel {
  if (weightBytes(model) <= limit) return { bytes: encodeModel(model), external: [] };
  const { model: small, parts } = splitExternalData(model, dataFile);
  const last = parts.at(-1);
  if (!last) return { bytes: encodeModel(model), external: [] };
  const data = new Uint8Array(last.offset + last.bytes.length);
  for (const { offset, bytes } of parts) data.set(bytes, offset);
  return { bytes: encodeModel(small), external: [{ path: dataFile, data }] };
}

/**
 * The model in some bytes. Tensor data are views of `bytes`.
 * @throws {ConfigError} when they are not an ONNX model with a graph.
 */
export function decodeModel(bytes: Uint8Array, file: string): Model {
  checkNotMistaken(bytes, file);
  let model: Model;
  let large = false;
  try {
    large = hasMoreFields(bytes);
    if (!large) fieldsOf(bytes);
    // As a plain array: from a Node Buffer the tensors would be Buffers too, and a Buffer's slice() copies nothing.
    model = large ? {} : onnx.ModelProto.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    const other = otherKind(bytes, file, "an ONNX model");
    throw new ConfigError(
      `${file}: ${other ?? `not an ONNX model (${(error as Error).message}); is the file complete and a .onnx file?`}`,
    );
  }
  if (large)
    throw new ConfigError(
      `${file}: a model of more than ${maxFields} parts (nodes, names, attributes) is not read; divide it`,
    );
  const functions = (model.functions ?? []).map(({ node }) => ({ node: node ?? [] }));
  if ([model.graph ?? {}, ...functions].some((graph) => isDeeper(graph, deepest)))
    throw new ConfigError(
      `${file}: has bodies within bodies more than ${deepest} deep; no ONNX runtime reads such a model`,
    );
  if (!model.graph?.output?.length || !model.opsetImport?.length)
    throw new ConfigError(`${file}: not an ONNX model (it has no graph with outputs); is it a .onnx file?`);
  return model;
}

/** Each body nests three messages, and protobuf reads 100 nested ones at most. Source: protobuf, CodedInputStream::SetRecursionLimit. */
const deepest = 32;

const isDeeper = ({ node }: Graph, levels: number): boolean =>
  (node ?? []).some(({ attribute }) =>
    (attribute ?? []).some(({ g, graphs }) =>
      [...(g ? [g] : []), ...(graphs ?? [])].some((body) => levels === 0 || isDeeper(body, levels - 1)),
    ),
  );

/** The metadata properties of a model. */
export const metadataOf = (model: Model): Record<string, string> =>
  Object.fromEntries((model.metadataProps ?? []).map(({ key, value }) => [key ?? "", value ?? ""]));

/** A copy of the model with these metadata properties, sorted by key, and no others. */
export const withMetadata = (model: Model, metadata: Readonly<Record<string, string>>): Model => ({
  ...model,
  metadataProps: Object.keys(metadata)
    .sort()
    .map((key) => ({ key, value: metadata[key]! })),
});
