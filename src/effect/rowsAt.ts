import type { HostTensor } from "../util/tensor.ts";

/** Places in a batch's activation `[texts, length, width]`: text by text, `[text in the batch, position]`. */
export type Places = readonly (readonly [text: number, position: number])[];

/** The rows at some places, one after the other. */
export function gathered({ dims, data }: HostTensor<"float32">, places: Places): Float32Array {
  const [, length, width] = dims as [number, number, number];
  const rows = new Float32Array(places.length * width);
  for (const [i, [text, at]] of places.entries()) {
    const from = (text * length + at) * width;
    rows.set(data.subarray(from, from + width), i * width);
  }
  return rows;
}

/** The activation with other rows at these places, and all others as they were. */
export function replaced(
  { dtype, dims, data }: HostTensor<"float32">,
  places: Places,
  rows: Float32Array,
): HostTensor<"float32"> {
  const [, length, width] = dims as [number, number, number];
  const copy = data.slice();
  for (const [i, [text, at]] of places.entries())
    copy.set(rows.subarray(i * width, (i + 1) * width), (text * length + at) * width);
  return { dtype, dims, data: copy };
}
