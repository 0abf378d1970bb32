import { bfloat16ToFloat32, float32ToHalf, halfToFloat32 } from "../data/half.ts";
import type { SaeSpec } from "../sae/spec.ts";
import { parametersOf } from "../sae/spec.ts";
import { type Random, random } from "../util/random.ts";
import { type HostTensor, sizeOf, tensor } from "../util/tensor.ts";
import type { Case } from "./cases.ts";

type F32 = HostTensor<"float32">;

/** Rows of a case: some at random, one of zeros, one huge and one tiny. */
const count = 64;

/** A case's weights as this project has them, one row per latent in both matrices, and its rows. */
export function made(one: Case, spec: SaeSpec): { readonly weights: Readonly<Record<string, F32>>; readonly x: F32 } {
  const rng = random(0, `conformance/${one.name}`);
  const weights = Object.fromEntries(
    Object.entries(parametersOf(spec)).map(([name, { shape }]) => [name, weight(one, name, shape, rng)]),
  );
  if (one.ours.architecture === "pretrained-matching-pursuit") unitRows(weights.W_dec!);
  return { weights, x: rows(one, spec.inputDim, rng) };
}

function weight({ made: how, name: of }: Case, name: string, shape: readonly number[], rng: Random): F32 {
  const draw = drawing(how, of, name, shape, rng);
  return tensor(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => draw(i)),
  );
}

function drawing(how: Case["made"], of: string, name: string, shape: readonly number[], rng: Random) {
  const whole = (most: number) => rng.below(2 * most + 1) - most;
  if (how === "ties") return name === "threshold" ? () => 2 : () => whole(name.startsWith("W") ? 1 : 0);
  if (how !== undefined && name === "W_enc") return (i: number) => Number(i % (shape[1]! + 1) === 0);
  if (how !== undefined && name === "b_enc") return () => 0;
  if (how !== undefined && name === "threshold") return (i: number) => thresholdAt(i);
  if (name === "threshold") {
    const one = 0.7;
    return of === "batchtopk" ? () => one : () => 0.6 * rng.normal() + 0.5;
  }
  const size = shape.length > 1 ? 0.4 : 0.3;
  return () => size * rng.normal();
}

/** 1, 2 or 4, and a little more: less than bfloat16, with 8 bits, tells from it. */
const thresholdAt = (i: number) => 2 ** (i % 3) * (1 + 2 ** -10);

function rows({ made: how, settings }: Case, width: number, rng: Random): F32 {
  const data = Float32Array.from({ length: count * width }, (_, i) => {
    if (how === "ties") return rng.below(5) - 2;
    // Above the threshold's bfloat16, below the threshold, or above both.
    if (how !== undefined) return 2 ** ((i % width) % 3) * (1 + (rng.below(4) + 0.5) * 2 ** -11);
    return 1.5 * rng.normal() + (i % width) / width - 0.5;
  });
  if (how === undefined) {
    // A row of zeros has no length to bring to another.
    if (settings.normalise !== "constant_norm") data.fill(0, 0, width);
    for (let i = 0; i < width; i++) {
      data[width + i]! *= 1e12;
      data[2 * width + i]! *= 1e-12;
    }
  }
  return tensor("float32", [count, width], data);
}

function unitRows({ dims, data }: F32): void {
  const width = dims[1]!;
  for (let at = 0; at < data.length; at += width) {
    const length = Math.sqrt(data.subarray(at, at + width).reduce((sum, v) => sum + v * v, 0));
    for (let i = at; i < at + width; i++) data[i]! /= length;
  }
}

/** A tensor as stored in a type of 16 bits, and the numbers that these bits are. */
export function stored(
  value: F32,
  dtype: NonNullable<Case["dtype"]>,
): { readonly bits: HostTensor; readonly read: F32 } {
  const bits = dtype === "float16" ? float32ToHalf(value.data) : bfloat16Bits(value.data);
  const read = dtype === "float16" ? halfToFloat32(bits) : bfloat16ToFloat32(bits);
  return { bits: tensor("float16", value.dims, bits), read: tensor("float32", value.dims, read) };
}

/** bfloat16 bit patterns nearest to finite float32 values; ties go to the even mantissa. */
function bfloat16Bits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (one) => (one + 0x7fff + ((one >>> 16) & 1)) >>> 16);
}
