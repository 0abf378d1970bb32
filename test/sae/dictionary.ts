import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";

/** Rows made of a few random unit features each, a mean and a little noise: data an SAE can explain. `[rows, inputDim]`. */
export function dictionaryRows(rows: number, inputDim: number, seed = 3): HostTensor<"float32"> {
  const rng = random(seed, "dictionary");
  const features = Array.from({ length: 2 * inputDim }, () => {
    const direction = Array.from({ length: inputDim }, () => rng.normal());
    const norm = Math.hypot(...direction);
    return direction.map((v) => v / norm);
  });
  const mean = Array.from({ length: inputDim }, () => 0.3 * rng.normal());
  const data = new Float32Array(rows * inputDim);
  for (let row = 0; row < rows; row++) {
    const out = data.subarray(row * inputDim, (row + 1) * inputDim);
    for (let i = 0; i < inputDim; i++) out[i] = mean[i]! + 0.02 * rng.normal();
    for (let i = 0; i < 3; i++) {
      const size = 0.5 + rng.uniform();
      const feature = features[rng.below(features.length)]!;
      for (let j = 0; j < inputDim; j++) out[j]! += size * feature[j]!;
    }
  }
  return tensor("float32", [rows, inputDim], data);
}
