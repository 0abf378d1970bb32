import type { Random } from "../../util/random.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";

/** Random unit rows, `[count, width]`. */
export function unitRows(count: number, width: number, rng: Random): HostTensor<"float32"> {
  const data = new Float32Array(count * width);
  const row = new Float64Array(width);
  for (let at = 0; at < data.length; at += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) {
      row[i] = rng.normal();
      squares += row[i]! ** 2;
    }
    const scale = 1 / Math.sqrt(squares);
    for (let i = 0; i < width; i++) data[at + i] = scale * row[i]!;
  }
  return tensor("float32", [count, width], data);
}
