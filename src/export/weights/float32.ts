import * as op from "../../graph/ops.ts";
import type { WeightType } from "./weightType.ts";

/** As they were trained. */
export const float32: WeightType = {
  describe: "as trained",
  stored: op.constant,
  rounded: (matrix) => matrix,
  error: () => 0,
};
