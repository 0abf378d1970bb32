import type { HostTensor } from "../../util/tensor.ts";

/**
 * Turns unit rows `[count, width]` in place so that they overlap as little as they can on average. The sum of all squared cosines is
 * |D'D|^2, least where D'D is (count / width) I, a tight frame, or where all rows are orthogonal if there is room (Benedetto and
 * Fickus 2003). A step of Newton-Schulz towards it, D (3 - D'D / c) / 2 with c = max(count / width, 1), rows made unit length again.
 */
export function spreadRows({ dims, data }: HostTensor<"float32">, steps: number): void {
  const [count, width] = dims as [number, number];
  const size = Math.max(count / width, 1);
  for (let step = 0; step < steps; step++) {
    const gram = gramOf(data, width);
    for (let i = 0; i < gram.length; i++) gram[i] = -gram[i]! / (2 * size);
    for (let i = 0; i < width; i++) gram[i * width + i]! += 1.5;
    const moved = new Float64Array(width);
    for (let at = 0; at < data.length; at += width) {
      moved.fill(0);
      for (let i = 0; i < width; i++) {
        const entry = data[at + i]!;
        const row = i * width;
        for (let j = 0; j < width; j++) moved[j]! += entry * gram[row + j]!;
      }
      let squares = 0;
      for (let j = 0; j < width; j++) squares += moved[j]! * moved[j]!;
      // A row that the step takes to zero stays where it is.
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      if (scale > 0) for (let j = 0; j < width; j++) data[at + j] = scale * moved[j]!;
    }
  }
}

/** D'D, `[width, width]`. */
function gramOf(data: Float32Array, width: number): Float64Array {
  const gram = new Float64Array(width * width);
  for (let at = 0; at < data.length; at += width)
    for (let i = 0; i < width; i++) {
      const entry = data[at + i]!;
      const row = i * width;
      for (let j = i; j < width; j++) gram[row + j]! += entry * data[at + j]!;
    }
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) gram[i * width + j] = gram[j * width + i]!;
  return gram;
}
