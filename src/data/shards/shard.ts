import { ConfigError } from "../../util/errors.ts";
import { chooseMatrix } from "../activations.ts";
import { bfloat16ToFloat32, halfToFloat32 } from "../half.ts";
import { npyKinds } from "../npy.ts";
import { readNpyHeader } from "../npyHeader.ts";
import { quote } from "../quote.ts";
import { readSafetensorsHeader, type SafetensorsEntry } from "../safetensors.ts";
import { elementBytes } from "../stored.ts";

/** One file of activations, read by windows: where its rows lie, and how the file looked when it was opened. */
export interface Shard {
  readonly path: string;
  readonly dtype: ShardType;
  readonly rows: number;
  readonly width: number;
  /** Byte of the file at which the first row begins. */
  readonly start: number;
  /** Bytes of the file, and when it was last written, in milliseconds: a file that changes is refused. */
  readonly size: number;
  readonly mtimeMs: number;
}

/** What a shard has besides its rows. */
export interface ShardHeader {
  readonly shard: Omit<Shard, "mtimeMs">;
  readonly matrix: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The other tensors, by name; bytes counted from the beginning of the file. */
  readonly others: ReadonlyMap<string, SafetensorsEntry>;
}

/** How the elements of each type become float32; the bytes are aligned. */
export const shardTypes = {
  F32: (bytes: Uint8Array, out: Float32Array) => {
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
  },
  F16: (bytes: Uint8Array, out: Float32Array) => {
    halfToFloat32(new Uint16Array(bytes.buffer, bytes.byteOffset, out.length), out);
  },
  BF16: (bytes: Uint8Array, out: Float32Array) => {
    bfloat16ToFloat32(new Uint16Array(bytes.buffer, bytes.byteOffset, out.length), out);
  },
} as const;

export type ShardType = keyof typeof shardTypes;

/** Bytes of one row in the file. */
export const rowBytes = ({ dtype, width }: Pick<Shard, "dtype" | "width">): number => width * elementBytes[dtype]!;

/**
 * What the first bytes of a .safetensors or .npy file of `size` bytes say of it.
 * @throws {ConfigError} naming the file when it is damaged, not 2-D, empty, or of a type that is not read by windows.
 */
export const readShardHeader = (bytes: Uint8Array, size: number, path: string, tensor?: string): ShardHeader =>
  isNpy(path) ? npyShard(bytes, size, path) : safetensorsShard(bytes, size, path, tensor);

export const isNpy = (path: string): boolean => /\.npy$/i.test(path);

function safetensorsShard(bytes: Uint8Array, size: number, path: string, tensor: string | undefined): ShardHeader {
  const { metadata, entries, start } = readSafetensorsHeader(bytes, size, path);
  const matrix = chooseMatrix(entries, path, { tensor });
  const { dtype, shape, from } = entries.get(matrix)!;
  const others = [...entries]
    .filter(([name]) => name !== matrix)
    .map(([name, { from, to, ...entry }]) => [name, { ...entry, from: start + from, to: start + to }] as const);
  const [rows, width] = dims(shape, path);
  const shard = { path, dtype: typeOf(dtype, path), rows, width, start: start + from, size };
  return { shard, matrix, metadata, others: new Map(others) };
}

function npyShard(bytes: Uint8Array, size: number, path: string): ShardHeader {
  const { descr, fortranOrder, shape, start } = readNpyHeader(bytes, path);
  if (fortranOrder || descr[0] === ">")
    throw new ConfigError(
      `${path}: is stored ${fortranOrder ? "column by column" : "with the large byte first"} and cannot be read by windows; save it row by row, little-endian`,
    );
  const dtype = typeOf(npyKinds[descr.slice(1)] ?? descr, path);
  const [rows, width] = dims(shape, path);
  const expected = start + rows * width * elementBytes[dtype]!;
  if (size !== expected)
    throw new ConfigError(
      `${path}: ${size < expected ? "truncated" : "too long"}, expected ${expected} bytes, found ${size}; get the file again`,
    );
  const shard = { path, dtype, rows, width, start, size };
  return { shard, matrix: "activations", metadata: {}, others: new Map() };
}

function dims(shape: readonly number[], path: string): readonly [number, number] {
  const [rows, width] = shape;
  if (shape.length !== 2 || (rows !== 0 && width === 0))
    throw new ConfigError(`${path}: activations have shape [${shape.join(", ")}], need [rows, inputDim]`);
  return [rows!, width!];
}

function typeOf(dtype: string, path: string): ShardType {
  if (!Object.hasOwn(shardTypes, dtype))
    throw new ConfigError(
      `${path}: elements of type ${quote(dtype).slice(1, -1)} are not read by windows; save it as float32, float16 or bfloat16`,
    );
  return dtype as ShardType;
}
