import { takeRows } from "../../data/split.ts";
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

/** A row is heavy whose squared distance from the mean is so many times the median one, where at most this share of all are so. */
const [heavy, mostHeavy] = [100, 0.01];

/**
 * Rows without those that are far heavier than most: one such row moves the mean of all, and a least-squares fit is of it alone. All of
 * them, not copied, where there is none.
 */
export function withoutHeavy(rows: HostTensor<"float32">, mean: Float64Array): HostTensor<"float32"> {
  const [count, width] = rows.dims as [number, number];
  const rowAt = (row: number) => ({ data: rows.data.subarray(row * width, (row + 1) * width) });
  const spreads = Float64Array.from({ length: count }, (_, row) => spreadOf(rowAt(row), mean));
  const most = heavy * spreads.slice().sort()[count >> 1]!;
  const kept = Uint32Array.from(spreads.keys()).filter((row) => spreads[row]! <= most);
  if (kept.length === count || count - kept.length > Math.max(1, mostHeavy * count)) return rows;
  return takeRows(rows, kept);
}

/** Takes a row off every row and divides by a number, in place. */
export function centre({ data }: HostTensor<"float32">, row: Float64Array, scale: number): void {
  const width = row.length;
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) data[at + i] = (data[at + i]! - row[i]!) / scale;
}

/** The sum of squared distances from the rows' own mean. */
export function spreadOf({ data }: Pick<HostTensor<"float32">, "data">, mean: Float64Array): number {
  const width = mean.length;
  let sum = 0;
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) sum += (data[at + i]! - mean[i]!) ** 2;
  return sum;
}
