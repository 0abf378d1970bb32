import { type HostTensor, tensor } from "../../util/tensor.ts";
import { type AnyRows, batchesOf } from "../evaluate.ts";

/** The first rows of some, at most `most`, in memory of their own. */
export async function firstRows(rows: AnyRows, most: number): Promise<HostTensor<"float32">> {
  const [count, width] = [Math.min(rows.dims[0]!, most), rows.dims[1]!];
  const data = new Float32Array(count * width);
  let at = 0;
  for await (const batch of batchesOf(rows, 1024)) {
    if (at === data.length) break;
    const part = batch.data.subarray(0, data.length - at);
    data.set(part, at);
    at += part.length;
  }
  return tensor("float32", [count, width], data);
}

/** Takes a row off every row and divides by a number, in place. */
export function centre({ data }: HostTensor<"float32">, row: Float64Array, scale: number): void {
  const width = row.length;
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) data[at + i] = (data[at + i]! - row[i]!) / scale;
}

/** The sum of squared distances from the rows' own mean. */
export function spreadOf({ data }: HostTensor<"float32">, mean: Float64Array): number {
  const width = mean.length;
  let sum = 0;
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) sum += (data[at + i]! - mean[i]!) ** 2;
  return sum;
}
