import * as op from "../../graph/ops.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { largest } from "./largest.ts";
import type { WeightType } from "./weightType.ts";

/** float32's smallest normal number: providers may take smaller ones for zero. */
const smallest = 2 ** -126;

/** Row r is s_r q_r with s_r = max |w_r| / 127 and q_r whole numbers from -127 to 127; a row of zeros, or nearly, has s_r = 0. */
function quantised({ dims, data }: HostTensor<"float32">) {
  const [rows, width] = dims as [number, number];
  const scales = new Float32Array(rows);
  const codes = new Int8Array(data.length);
  for (let row = 0; row < rows; row++) {
    const weights = data.subarray(row * width, (row + 1) * width);
    const scale = Math.fround(largest(weights) / 127);
    if (scale < smallest) continue;
    scales[row] = scale;
    for (const [i, w] of weights.entries()) codes[row * width + i] = Math.round(w / scale);
  }
  return { codes: tensor("int8", dims, codes), scales: tensor("float32", [rows, 1], scales) };
}

/** A quarter of the file: each row whole numbers of 8 bits times one float32, multiplied out when the model is loaded. */
export const int8: WeightType = {
  describe: "a quarter of the size",
  // Cast and Mul, not DequantizeLinear: ONNX Runtime works them out once, when it loads the model.
  stored(matrix, name) {
    const { codes, scales } = quantised(matrix);
    return op.mul(op.cast(op.constant(codes, name), "float32"), op.constant(scales, `${name}_scale`));
  },
  rounded(matrix) {
    const { codes, scales } = quantised(matrix);
    const width = matrix.dims[1]!;
    const data = Float32Array.from(codes.data, (code, i) => code * scales.data[Math.floor(i / width)]!);
    return tensor("float32", matrix.dims, data);
  },
  // Half a step, and float32's rounding of the scale and of the product.
  error: (row) => Math.max((largest(row) / 127) * (0.5 + 2 ** -15), 127 * smallest),
};
