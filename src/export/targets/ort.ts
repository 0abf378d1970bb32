import { irVersion, opsetVersion } from "../../graph/build.ts";
import { keepTop } from "../../sae/select.ts";
import type { Target } from "./target.ts";

/** ONNX Runtime: exactly k per row, ties to the lower index; also `top_values` and `top_indices`. */
export const ort: Target = {
  opsetVersion,
  irVersion,
  describe: "ONNX Runtime, exactly k",
  keep: keepTop,
};
