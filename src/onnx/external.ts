import { ConfigError } from "../util/errors.ts";
import { bytesPerElement, sizeOf } from "../util/tensor.ts";
import { type Graph, type Model, type Node, type SparseTensor, type TensorProto, toNumber } from "./proto.ts";
import { dtypeOf } from "./tensors.ts";

/** Above this many bytes of weights a model keeps them in a file of its own: ONNX messages end at 2 GB. */
export const externalDataFrom = 1.5e9;

/** Offsets are multiples of this, so that a runtime can map the file into memory. */
const alignment = 4096;

/** Total bytes of a model's initializers. */
export const weightBytes = (model: Model): number =>
  (model.graph?.initializer ?? []).reduce((total, { rawData }) => total + (rawData?.length ?? 0), 0);

/** One piece of the data file and where it starts. */
export interface ExternalPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A model whose large initializers are in the file `location` beside it, and the pieces of that file.
 * Source: ONNX, docs/ExternalData.md.
 */
export function splitExternalData(model: Model, location: string): { model: Model; parts: ExternalPart[] } {
  const parts: ExternalPart[] = [];
  let end = 0;
  const initializer = (model.graph?.initializer ?? []).map((tensor): TensorProto => {
    if (!tensor.rawData || tensor.rawData.length < 1024) return tensor;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + tensor.rawData.length;
    parts.push({ offset, bytes: tensor.rawData });
    const { rawData, ...rest } = tensor;
    return {
      ...rest,
      dataLocation: 1,
      externalData: [
        { key: "location", value: location },
        { key: "offset", value: String(offset) },
        { key: "length", value: String(rawData.length) },
      ],
    };
  });
  return { model: { ...model, graph: { ...model.graph, initializer } }, parts };
}

/**
 * The data files a model names, each a plain file name beside the model.
 * @throws {ConfigError} for any other path, and for sparse tensors and tensors inside nodes and bodies that are kept outside.
 */
export function externalLocations(model: Model, file: string): string[] {
  const own = new Set(model.graph?.initializer);
  const other = tensorsOf(model).find((tensor) => tensor.dataLocation === 1 && !own.has(tensor));
  const isSparse = (model.graph?.sparseInitializer ?? []).some((one) => inSparse(one).includes(other ?? {}));
  if (other)
    throw new ConfigError(
      `${file}: tensor ${other.name} ${isSparse ? "of a sparse one" : "inside a node"} has external data; only initializers of the main graph are read so`,
    );
  const tensors = [...own].filter((tensor) => tensor.dataLocation === 1);
  const locations = tensors.map((tensor) => {
    const name = locationOf(tensor);
    if (name === undefined || name.includes("/"))
      throw new ConfigError(
        `${file}: external data at "${entry(tensor, "location") ?? ""}": only a file name in the model's own folder is read`,
      );
    return name;
  });
  return [...new Set(locations)];
}

/** Where the data of one tensor lie: bytes `from` to `to` (excluded) of a file. */
export interface DataPart {
  readonly location: string;
  readonly tensor: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The data a model keeps in other files, those of its bodies too: in paths inside the model's own folder, which is all that is followed.
 * @throws {ConfigError} for any other path.
 */
export function dataPartsOf(model: Model, file: string): DataPart[] {
  return tensorsOf(model).flatMap((one) => (one.dataLocation === 1 ? [dataPartOf(one, file)] : []));
}

/** Where the data of one tensor that is kept outside lie. @throws {ConfigError} as `dataPartsOf`. */
export function dataPartOf(tensor: TensorProto, file: string): DataPart {
  const path = locationOf(tensor);
  if (path === undefined)
    throw new ConfigError(
      `${file}: external data at "${entry(tensor, "location") ?? ""}": only paths inside the model's own folder are followed, with / between folders`,
    );
  const from = Number(entry(tensor, "offset") ?? 0);
  const length = entry(tensor, "length");
  // Where no length is said, it is that of the elements; of a type this library does not compute with, nobody counts them here.
  const dtype = dtypeOf(tensor.dataType);
  const bytes = dtype ? sizeOf((tensor.dims ?? []).map(toNumber)) * bytesPerElement(dtype) : 0;
  return {
    ...{ location: path, tensor: tensor.name ?? "" },
    ...{ from, to: from + (length === undefined ? bytes : Number(length)) },
  };
}

/** A tensor that is kept outside with its bytes put back. */
export function withData(
  { externalData: _, dataLocation: __, ...tensor }: TensorProto,
  rawData: Uint8Array,
): TensorProto {
  return { ...tensor, rawData };
}

/**
 * The model with its external data put back, as views of the bytes of the files it names.
 * @throws {ConfigError} when a file is not given, or ends before a tensor does.
 */
export function joinExternalData(model: Model, files: ReadonlyMap<string, Uint8Array>, file: string): Model {
  const initializer = (model.graph?.initializer ?? []).map((tensor): TensorProto => {
    if (tensor.dataLocation !== 1) return tensor;
    const bytes = files.get(locationOf(tensor) ?? "");
    const offset = Number(entry(tensor, "offset") ?? 0);
    const length = Number(entry(tensor, "length") ?? (bytes?.length ?? 0) - offset);
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!bytes || !whole || offset < 0 || length < 0 || offset + length > bytes.length)
      throw new ConfigError(
        `${file}: tensor ${tensor.name}: bytes ${offset} to ${offset + length} of ${entry(tensor, "location")} are missing`,
      );
    return withData(tensor, bytes.subarray(offset, offset + length));
  });
  return { ...model, graph: { ...model.graph, initializer } };
}

/** Where a tensor's data are, without `./`; `undefined` where that leads out of the model's folder on some system. */
function locationOf(tensor: TensorProto): string | undefined {
  const parts = (entry(tensor, "location") ?? "").split("/").filter((part) => part !== ".");
  const leavesFolder = parts.some((part) => part === "" || part === ".." || /[\\\0]/.test(part));
  return leavesFolder || parts.length === 0 || /^[a-z]:/i.test(parts[0]!) ? undefined : parts.join("/");
}

/** Every tensor of a model: of its graphs, their nodes and bodies, sparse ones too. */
const tensorsOf = ({ graph, functions, trainingInfo }: Model): TensorProto[] => [
  ...inGraph(graph),
  ...(functions ?? []).flatMap(({ node }) => (node ?? []).flatMap(inNode)),
  ...(trainingInfo ?? []).flatMap(({ initialization, algorithm }) => [
    ...inGraph(initialization),
    ...inGraph(algorithm),
  ]),
];

const inGraph = (graph: Graph | null | undefined): TensorProto[] => [
  ...(graph?.initializer ?? []),
  ...(graph?.sparseInitializer ?? []).flatMap(inSparse),
  ...(graph?.node ?? []).flatMap(inNode),
];

const inNode = ({ attribute }: Node): TensorProto[] =>
  (attribute ?? []).flatMap(({ t, tensors, sparseTensor, sparseTensors, g, graphs }) => [
    ...(t ? [t] : []),
    ...(tensors ?? []),
    ...[...(sparseTensor ? [sparseTensor] : []), ...(sparseTensors ?? [])].flatMap(inSparse),
    ...[...(g ? [g] : []), ...(graphs ?? [])].flatMap(inGraph),
  ]);

const inSparse = ({ values, indices }: SparseTensor): TensorProto[] => [values ?? {}, indices ?? {}];

const entry = (tensor: TensorProto, key: string): string | undefined =>
  tensor.externalData?.find((one) => one.key === key)?.value ?? undefined;
