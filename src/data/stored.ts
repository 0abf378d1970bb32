import { ConfigError } from "../util/errors.ts";
import { type DType, type HostTensor, sizeOf, type TensorData, tensor } from "../util/tensor.ts";
import { bfloat16ToFloat32, halfToFloat32 } from "./half.ts";
import { quote } from "./quote.ts";

/** An array as a file holds it: little-endian bytes in row-major order. */
export interface StoredArray {
  /** Element type as safetensors spells it (`F32`, `BF16`, `U8`, ...), or the file's own word for any other. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** A view of the file's bytes where that is possible. */
  readonly bytes: Uint8Array;
  /** File and name, for messages. */
  readonly where: string;
}

/** Bytes of one element of each element type of a safetensors file but those of less than a byte. Source: the safetensors format, `Dtype`. */
export const elementBytes: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, C64: 8 },
  ...{ F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

/** Whether the elements are floating-point numbers that `toFloat32` converts. */
export const isFloat = ({ dtype }: Pick<StoredArray, "dtype">): boolean =>
  ["F64", "F32", "F16", "BF16"].includes(dtype);

/**
 * The array as a host tensor; shares the file's memory where its bytes are aligned, else a copy.
 *
 * BF16 becomes float32; I8, U8, I16, U16 become int32 and U32 int64: all without loss.
 * @throws {ConfigError} when no host type holds the elements (U64, float8, strings, objects).
 */
export function toTensor(array: StoredArray): HostTensor {
  switch (array.dtype) {
    case "F64":
      return over("float64", array, Float64Array);
    case "F32":
      return over("float32", array, Float32Array);
    case "F16":
      return over("float16", array, Uint16Array);
    case "I32":
      return over("int32", array, Int32Array);
    case "I64":
      return over("int64", array, BigInt64Array);
    case "BOOL":
      return over("bool", array, Uint8Array);
    case "BF16":
      return make("float32", array, bfloat16ToFloat32(elements(array, Uint16Array)));
    case "I8":
      return make("int32", array, Int32Array.from(elements(array, Int8Array)));
    case "U8":
      return make("int32", array, Int32Array.from(elements(array, Uint8Array)));
    case "I16":
      return make("int32", array, Int32Array.from(elements(array, Int16Array)));
    case "U16":
      return make("int32", array, Int32Array.from(elements(array, Uint16Array)));
    case "U32":
      return make("int64", array, BigInt64Array.from(elements(array, Uint32Array), BigInt));
    default:
      throw new ConfigError(
        `${array.where}: elements of type ${quote(array.dtype).slice(1, -1)} are not supported; save it as float32, float16, bfloat16, float64, int32, int64 or bool`,
      );
  }
}

/**
 * The array as float32; float64 is rounded to nearest, so large values become infinity.
 * @throws {ConfigError} when the elements are not floating-point numbers.
 */
export function toFloat32(array: StoredArray): HostTensor<"float32"> {
  if (!isFloat(array))
    throw new ConfigError(
      `${array.where}: needs floating-point elements, has type ${quote(array.dtype).slice(1, -1)}; save it as float32, float16, bfloat16 or float64`,
    );
  const read = toTensor(array);
  if (read.dtype === "float16") return make("float32", array, halfToFloat32(read.data as Uint16Array));
  if (read.dtype === "float64") return make("float32", array, Float32Array.from(read.data as Float64Array));
  return read as HostTensor<"float32">;
}

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** The elements, without copying where the bytes are aligned. (`slice` of a Node Buffer would copy nothing.) */
function elements<T>({ bytes, shape }: StoredArray, Type: ArrayType<T>): T {
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Type(aligned.buffer, aligned.byteOffset, sizeOf(shape));
}

const over = <D extends DType>(dtype: D, array: StoredArray, Type: ArrayType<TensorData[D]>): HostTensor<D> =>
  make(dtype, array, elements(array, Type));

const make = <D extends DType>(dtype: D, { shape }: StoredArray, data: TensorData[D]): HostTensor<D> =>
  tensor(dtype, shape, data);
