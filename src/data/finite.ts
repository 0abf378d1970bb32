import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type StoredArray, toTensor } from "./stored.ts";

/** Checks rows that were in memory from the start. @throws {ConfigError} as `checkFinite`. */
export const checkFiniteRows = (rows: HostTensor<"float32">, where: string): void =>
  checkFinite(rows, { dtype: "F32", shape: rows.dims, bytes: new Uint8Array(), where });

/**
 * Checks that a matrix converted to float32 is finite; `stored` is what it was converted from.
 * @throws {ConfigError} naming the first NaN, infinity or value beyond float32, and how many rows have one.
 */
export function checkFinite({ dims, data }: HostTensor<"float32">, stored: StoredArray): void {
  const [rows, width] = dims as [number, number];
  let first = -1;
  let bad = 0;
  for (let row = 0; row < rows; row++) {
    // x - x is 0 for finite numbers and NaN for all others, so one sum tells.
    let sum = 0;
    for (let at = row * width; at < (row + 1) * width; at++) sum += data[at]! - data[at]!;
    if (sum === 0) continue;
    if (first < 0) first = row;
    bad++;
  }
  if (first < 0) return;
  const column = data.subarray(first * width, (first + 1) * width).findIndex((value) => !Number.isFinite(value));
  const at = first * width + column;
  const original = stored.dtype === "F64" ? Number(toTensor(stored).data[at]) : data[at]!;
  const beyond = Number.isFinite(original);
  throw new ConfigError(
    `${stored.where}: ${original} at row ${first}, column ${column}${beyond ? " is more than float32 holds" : ""}; ${bad} of ${rows} rows affected; ${beyond ? "scale or drop them" : "drop these rows"}`,
  );
}
