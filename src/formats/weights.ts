import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { quote } from "../data/quote.ts";
import { type StoredArray, toFloat32 } from "../data/stored.ts";
import { outputDimOf } from "../sae/dims.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";

type F32 = HostTensor<"float32">;

/** The matrix of a Linear kept the other way round. */
export function transposed({ dims, data }: F32): F32 {
  const [rows, columns] = dims as [number, number];
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!;
  return tensor("float32", [columns, rows], out);
}

/** Each row times a number of its own, rounded once. */
export function scaledRows({ dims, data }: F32, factors: ArrayLike<number>): F32 {
  const width = data.length / dims[0]!;
  return tensor(
    "float32",
    dims,
    data.map((value, i) => value * factors[Math.floor(i / width)]!),
  );
}

/** Every entry times a number, rounded once. */
export const scaled = ({ dims, data }: F32, factor: number): F32 =>
  tensor(
    "float32",
    dims,
    data.map((value) => value * factor),
  );

/** The length of each row, in float64. */
export const rowLengths = ({ dims, data }: F32): number[] => {
  const width = data.length / dims[0]!;
  return Array.from({ length: dims[0]! }, (_, row) =>
    Math.sqrt(data.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value * value, 0)),
  );
};

/** The matrix product `a b`, or with b transposed; summed in float64. @throws {ConfigError} when inner sizes differ. */
export function product(a: F32, b: F32, { transposed: across = false } = {}): F32 {
  const [rows, inner] = a.dims as [number, number];
  const [first, second] = b.dims as [number, number];
  const columns = across ? first : second;
  if ((across ? second : first) !== inner)
    throw new ConfigError(`a product of [${a.dims.join(", ")}] and [${b.dims.join(", ")}] has no meaning`);
  const out = new Float32Array(rows * columns);
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    for (let i = 0; i < inner; i++) {
      const value = a.data[row * inner + i]!;
      for (let column = 0; column < columns; column++)
        sums[column]! += value * b.data[across ? column * inner + i : i * columns + column]!;
    }
    out.set(sums, row * columns);
  }
  return tensor("float32", [rows, columns], out);
}

/** One number for each of `count` latents. */
export const filled = (count: number, value: number): F32 =>
  tensor("float32", [count], new Float32Array(count).fill(value));

/** The named tensors, which must be all there are, but for `optional`. @throws {ConfigError} for a missing or an unknown one. */
export function exactly<const N extends string>(
  arrays: ReadonlyMap<string, StoredArray>,
  names: readonly N[],
  file: string,
  optional: readonly string[] = [],
): { readonly [K in N]: F32 } {
  const list = [...arrays].slice(0, 20).map(([name, { shape }]) => `${quote(name)} [${shape.join(", ")}]`);
  const missing = names.find((name) => !arrays.has(name));
  if (missing !== undefined)
    throw new ConfigError(`${file}: tensor ${quote(missing)} is missing; it has ${list.join(", ") || "none"}`);
  const extra = [...arrays.keys()].find((name) => !names.includes(name as N) && !optional.includes(name));
  if (extra !== undefined)
    throw new ConfigError(
      `${file}: tensor ${quote(extra)} is not supported; what it adds to ${names.join(", ")} would be lost`,
    );
  return Object.fromEntries(names.map((name) => [name, finite(arrays.get(name)!)])) as { readonly [K in N]: F32 };
}

function finite(array: StoredArray): F32 {
  const read = toFloat32(array);
  const at = read.data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new ConfigError(`${array.where}: element ${at} is ${read.data[at]}; a weight must be finite`);
  return read;
}

/** The parameters and what the architecture carries, to be written; a decoder bias of zeros where there is none. */
export function weightsOf({ config, tensors }: Checkpoint) {
  const width = outputDimOf(config);
  const b_dec = tensor("float32", [width], new Float32Array(width));
  return { b_dec, ...tensors } as { readonly [name in "W_enc" | "b_enc" | "W_dec" | "b_dec"]: F32 } & typeof tensors;
}

/** `b_enc + W_enc b_dec`, summed in float64: what takes back that another library subtracts b_dec from the input. */
export const foldedBias = (weights: Biased): F32 => shifted(weights, 1);

/** `b_enc - W_enc b_dec`, the same for one that never subtracts it. */
export const unfoldedBias = (weights: Biased): F32 => shifted(weights, -1);

type Biased = Readonly<Record<"W_enc" | "b_enc" | "b_dec", F32>>;

function shifted({ W_enc, b_enc, b_dec }: Biased, sign: 1 | -1): F32 {
  const width = b_dec.data.length;
  const data = b_enc.data.map((bias, row) => {
    let sum = bias;
    for (let i = 0; i < width; i++) sum += sign * W_enc.data[row * width + i]! * b_dec.data[i]!;
    return sum;
  });
  return tensor("float32", b_enc.dims, data);
}
