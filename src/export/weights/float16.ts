import { float32ToHalf, halfToFloat32 } from "../../data/half.ts";
import * as op from "../../graph/ops.ts";
import { ConfigError } from "../../util/errors.ts";
import { tensor } from "../../util/tensor.ts";
import { largest } from "./largest.ts";
import type { WeightType } from "./weightType.ts";

/** Half the file: each weight the nearest float16, cast to float32 when the model is loaded. */
export const float16: WeightType = {
  describe: "half the size",
  stored(matrix, name) {
    const bits = float32ToHalf(matrix.data);
    // 0x7c00 is infinity.
    const at = bits.findIndex((half) => (half & 0x7fff) >= 0x7c00);
    if (at >= 0)
      throw new ConfigError(
        `${name}: ${matrix.data[at]} at row ${Math.floor(at / matrix.dims[1]!)} is past float16's largest number 65504; use dtype int8 or float32`,
      );
    return op.cast(op.constant(tensor("float16", matrix.dims, bits), name), "float32");
  },
  rounded: ({ dims, data }) => tensor("float32", dims, halfToFloat32(float32ToHalf(data))),
  // Half a unit in the last of 11 bits; below the normal numbers half of 2^-24.
  error: (row) => Math.max(largest(row) * 2 ** -11, 2 ** -25),
};
