import { type HostTensor, tensor } from "../../util/tensor.ts";

/** One number a row, `[rows]`. */
export const column = (values: readonly number[]): HostTensor<"float32"> =>
  tensor("float32", [values.length], Float32Array.from(values));

/** Rows of one length, at least one, `[rows, width]`. */
export function matrix(rows: readonly ArrayLike<number>[]): HostTensor<"float32"> {
  const width = rows[0]!.length;
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) data.set(row, i * width);
  return tensor("float32", [rows.length, width], data);
}
