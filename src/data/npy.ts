import { ConfigError } from "../util/errors.ts";
import { bytesOf, type DType, type HostTensor, sizeOf } from "../util/tensor.ts";
import { readNpyHeader } from "./npyHeader.ts";
import { elementBytes, type StoredArray, toTensor } from "./stored.ts";

/** NumPy's element kinds and sizes by our names. V2 is how bfloat16 of ml_dtypes is saved. */
export const npyKinds: Readonly<Record<string, string>> = {
  ...{ f2: "F16", f4: "F32", f8: "F64", V2: "BF16", b1: "BOOL" },
  ...{ i1: "I8", i2: "I16", i4: "I32", i8: "I64", u1: "U8", u2: "U16", u4: "U32", u8: "U64" },
};

/**
 * A .npy array as a host tensor, in row-major order whatever the file's order and byte order.
 *
 * i1, u1, i2, u2 become int32, u4 int64, V2 (bfloat16) float32.
 * @throws {ConfigError} when the bytes are no .npy array, cut short or too long, or of an unsupported element type.
 */
export const readNpy = (bytes: Uint8Array, file: string): HostTensor => toTensor(readNpyArray(bytes, file));

/**
 * A .npy array as stored bytes: little-endian, row-major. An element type that is not read here keeps NumPy's name and raw bytes.
 * @throws {ConfigError} when the bytes are no .npy array, cut short or too long.
 */
export function readNpyArray(bytes: Uint8Array, where: string): StoredArray {
  const { descr, fortranOrder, start, ...header } = checkedHeader(bytes, bytes.length, where);
  const { dtype, shape } = header;
  const data = bytes.subarray(start);
  const width = elementBytes[dtype];
  if (width === undefined) return { ...header, bytes: data };
  const ordered = fortranOrder && shape.length > 1 ? rowMajor(data, shape, width) : data;
  return { ...header, bytes: descr[0] === ">" && width > 1 ? swapped(ordered, width) : ordered };
}

/**
 * What the header of a .npy array of `size` bytes says; `bytes` need reach no further than the header.
 * @throws {ConfigError} as `readNpyArray`.
 */
export function describeNpy(bytes: Uint8Array, size: number, where: string): Omit<StoredArray, "bytes"> {
  const { dtype, shape } = checkedHeader(bytes, size, where);
  return { dtype, shape, where };
}

function checkedHeader(bytes: Uint8Array, size: number, where: string) {
  const header = readNpyHeader(bytes, where);
  const { descr, shape, start } = header;
  const known = /^[<>|=]/.test(descr) ? npyKinds[descr.slice(1)] : undefined;
  const expected = known === undefined ? size - start : sizeOf(shape) * elementBytes[known]!;
  if (size - start !== expected)
    throw new ConfigError(
      `${where}: ${size - start < expected ? "truncated" : "too long"}, ${descr} of shape (${shape.join(", ")}) takes ${expected} bytes after the header, found ${size - start}; get the file again`,
    );
  return { ...header, dtype: known ?? descr, where };
}

/** The bytes of a version 1.0 .npy file: little-endian, row-major, header padded to 64 bytes as NumPy does. */
export function writeNpy(tensor: HostTensor): Uint8Array<ArrayBuffer> {
  const { dtype, dims } = tensor;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '${descrs[dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const data = bytesOf(tensor);
  const bytes = new Uint8Array(start + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (start - 10) & 255, (start - 10) >>> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(start - 11)}\n`), 10);
  bytes.set(data, start);
  return bytes;
}

const descrs: { readonly [D in DType]: string } = {
  ...{ float32: "<f4", float64: "<f8", float16: "<f2" },
  ...{ int32: "<i4", int64: "<i8", int8: "|i1", bool: "|b1" },
};

/** Column-major elements of `width` bytes in row-major order. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)) * width);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += width) {
    for (let byte = 0; byte < width; byte++) out[to + byte] = bytes[from + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < out.length; at += width)
    for (let byte = 0; byte < width; byte++) out[at + byte] = bytes[at + width - 1 - byte]!;
  return out;
}
