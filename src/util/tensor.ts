import { ConfigError } from "./errors.ts";

/** Element types a graph value or a host tensor can have, named as in ONNX (lower case). */
export type DType = "float32" | "float64" | "float16" | "int32" | "int64" | "int8" | "bool";

/** The typed array that holds each element type on the host. float16 are raw bits; bool is one byte each. */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  int8: Int8Array;
  bool: Uint8Array;
}

/** A dense array in row-major order. */
export interface HostTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: TensorData[D];
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

/** Bytes of one element. */
export const bytesPerElement = (dtype: DType): number => arrays[dtype].BYTES_PER_ELEMENT;

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/**
 * A host tensor over existing data.
 * @throws {ConfigError} when the data has another length than the shape.
 */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: TensorData[D]): HostTensor<D> {
  if (data.length !== sizeOf(dims))
    throw new ConfigError(
      `tensor: shape [${dims.join(", ")}] holds ${sizeOf(dims)} elements, the data has ${data.length}`,
    );
  return { dtype, dims: [...dims], data };
}

/** A tensor of zeros. */
export function zeros<D extends DType>(dtype: D, dims: readonly number[]): HostTensor<D> {
  return { dtype, dims: [...dims], data: new arrays[dtype](sizeOf(dims)) as TensorData[D] };
}

/** A float32 scalar, shape []. */
export const scalar = (value: number): HostTensor<"float32"> => tensor("float32", [], Float32Array.of(value));

/** int64 tensor of one dimension from ordinary numbers. */
export const int64s = (values: ArrayLike<number>): HostTensor<"int64"> =>
  tensor(
    "int64",
    [values.length],
    BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i]!)),
  );

/** The bytes of a tensor's elements, little-endian, without copying. */
export const bytesOf = ({ data }: HostTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A tensor over a copy of little-endian bytes; the copy aligns them. */
export function fromBytes<D extends DType>(dtype: D, dims: readonly number[], bytes: Uint8Array): HostTensor<D> {
  // Not slice(): a Node Buffer's shares its memory.
  const copy = new Uint8Array(bytes);
  return tensor(dtype, dims, new arrays[dtype](copy.buffer as ArrayBuffer) as TensorData[D]);
}

/** Rows `from` to `to` (excluded) of a tensor, sharing its memory. */
export function sliceRows<D extends DType>({ dtype, dims, data }: HostTensor<D>, from: number, to: number) {
  const width = sizeOf(dims.slice(1));
  const part = data.subarray(from * width, to * width) as TensorData[D];
  return tensor(dtype, [Math.max(0, to - from), ...dims.slice(1)], part);
}

/** Whether two tensors have the same shape and the same bits. */
export function sameTensor(a: HostTensor, b: HostTensor): boolean {
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return false;
  if (a.data === b.data) return true;
  const [one, other] = [bytesOf(a), bytesOf(b)];
  // A loop: a callback takes some ten times as long over a whole matrix.
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
