/**
 * float32 values of float16 bit patterns, exactly; infinities, NaN and subnormals included. Written into `out` where given.
 *
 * Source: IEEE 754-2019, 3.4, binary16.
 */
export function halfToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer>;
export function halfToFloat32(bits: Uint16Array, out: Float32Array): Float32Array;
export function halfToFloat32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  const table = halfTable();
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!;
  return out;
}

/** float32 values of bfloat16 bit patterns, exactly: a bfloat16 is the upper half of a float32. Written into `out` where given. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer>;
export function bfloat16ToFloat32(bits: Uint16Array, out: Float32Array): Float32Array;
export function bfloat16ToFloat32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return out;
}

/** bfloat16 bit patterns nearest to finite float32 values; ties go to the even mantissa. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (one) => (one + 0x7fff + ((one >>> 16) & 1)) >>> 16);
}

/**
 * float16 bit patterns nearest to float32 values; ties go to the even mantissa.
 *
 * Magnitudes of 65520 and more become infinity, those up to 2^-25 zero with their sign; NaN stays NaN.
 */
export function float32ToHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = halfBits(bits[i]!);
  return out;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Normal: drop 13 mantissa bits, rebias the exponent by 112; a carry moves into the exponent, as it should.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Subnormal: mantissa · 2^(exponent - 150) in units of 2^-24.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (whole + (rest > tie || (rest === tie && (whole & 1) === 1) ? 1 : 0));
}

let table: Float32Array | undefined;

function halfTable(): Float32Array {
  if (table) return table;
  const bits = new Uint32Array(65536);
  const values = new Float32Array(bits.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (mantissa << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    else values[half] = (sign ? -1 : 1) * mantissa * 2 ** -24;
  }
  table = values;
  return values;
}
