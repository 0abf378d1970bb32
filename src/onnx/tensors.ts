import { ConfigError } from "../util/errors.ts";
import { bytesOf, bytesPerElement, type DType, fromBytes, type HostTensor, sizeOf, tensor } from "../util/tensor.ts";
import { onnx, type TensorProto, toNumber, type ValueInfo } from "./proto.ts";

/** ONNX's numbers for our element types. Source: onnx.proto, TensorProto.DataType. */
export const dataTypes = {
  float32: 1,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const satisfies Record<DType, number>;

const dtypes = new Map<number, DType>(
  Object.entries(dataTypes).map(([dtype, number]) => [number, dtype as DType] as const),
);

/** Our name of an ONNX element type, or `undefined` for one this library does not compute with. */
export const dtypeOf = (dataType: number | null | undefined): DType | undefined => dtypes.get(dataType ?? 0);

/** The name of any ONNX element type, for messages and printing. */
export const dataTypeName = (dataType: number | null | undefined): string =>
  dtypeOf(dataType) ?? (onnx.TensorProto.DataType[dataType ?? 0] ?? `type ${dataType}`).toLowerCase();

/** A host tensor as an ONNX initializer. */
export const tensorProto = (name: string, value: HostTensor): TensorProto => ({
  name,
  dataType: dataTypes[value.dtype],
  dims: [...value.dims],
  rawData: bytesOf(value),
});

/**
 * The elements of an initializer; reads raw bytes and the typed fields.
 * @throws {ConfigError} for an element type this library does not compute with, for data in another file, and when the data
 * do not fit the shape.
 */
export function hostTensor(proto: TensorProto): HostTensor {
  const dtype = dtypeOf(proto.dataType);
  if (!dtype)
    throw new ConfigError(`tensor ${proto.name}: element type ${dataTypeName(proto.dataType)} is not supported`);
  if (proto.dataLocation === 1)
    throw new ConfigError(`tensor ${proto.name}: its data is in another file; read the model with readModel`);
  const dims = (proto.dims ?? []).map(toNumber);
  const misfit = (what: string) =>
    new ConfigError(
      `tensor ${proto.name}: ${dtype} [${dims.join(", ")}] needs ${sizeOf(dims)} elements, it has ${what}; is the file whole?`,
    );
  const raw = proto.rawData;
  if (raw?.length && raw.length !== sizeOf(dims) * bytesPerElement(dtype)) throw misfit(`${raw.length} bytes`);
  if (raw?.length) return fromBytes(dtype, dims, raw);
  const typed = {
    float32: () => Float32Array.from(proto.floatData ?? []),
    float64: () => Float64Array.from(proto.doubleData ?? []),
    int32: () => Int32Array.from(proto.int32Data ?? []),
    int64: () => BigInt64Array.from((proto.int64Data ?? []).map((v) => BigInt(v.toString()))),
    int8: () => Int8Array.from(proto.int32Data ?? []),
    bool: () => Uint8Array.from(proto.int32Data ?? []),
    float16: () => Uint16Array.from(proto.int32Data ?? []),
  };
  const data = typed[dtype]();
  if (data.length !== sizeOf(dims)) throw misfit(`${data.length}`);
  return tensor(dtype, dims, data);
}

/** A graph input's or output's declaration; a dim is a size, a name, or `?` for unknown. */
export const valueInfo = (name: string, dtype: DType, shape: readonly (number | string)[]): ValueInfo => ({
  name,
  type: {
    tensorType: {
      elemType: dataTypes[dtype],
      shape: {
        dim: shape.map((dim) => (typeof dim === "number" ? { dimValue: dim } : dim === "?" ? {} : { dimParam: dim })),
      },
    },
  },
});

/** The shape of a declared value: sizes, names, and `?` for unknown dims; `undefined` when no shape is declared. */
export function shapeOf(info: ValueInfo): (number | string)[] | undefined {
  return info.type?.tensorType?.shape?.dim?.map((dim) =>
    dim.dimParam ? dim.dimParam : dim.dimValue != null ? toNumber(dim.dimValue) : "?",
  );
}
