import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import { packModel } from "../../onnx/model.ts";
import type { Model } from "../../onnx/proto.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import { ShapeError } from "../../util/errors.ts";
import { type HostTensor, sliceRows } from "../../util/tensor.ts";
import { cosines } from "./cosines.ts";

/** A true feature counts as recovered from this cosine similarity on. */
export const recoveredFrom = 0.9;

/** True features compared per run; does not change the numbers. */
const batchSize = 1024;

/** How well an SAE's decoder found a known dictionary, by the keys of the metrics files; a row of the opposite direction does not count. */
export interface Recovery {
  /** How many true features some decoder row points along, with a cosine similarity of at least `recoveredFrom`. */
  readonly recovered_features: number;
  /** Mean over the true features of the largest cosine similarity with a decoder row; `null` where there are no rows. */
  readonly mean_max_cosine: number | null;
}

/**
 * The recovery of true features `[features, inputDim]` by directions `[latents, inputDim]`, of any length; a row of zeros has
 * cosine 0 with all.
 * @throws {ShapeError} when the two are of different width.
 */
export async function recoveryOf(
  runtime: Runtime,
  trueFeatures: HostTensor<"float32">,
  directions: HostTensor<"float32">,
  options: SessionOptions = {},
): Promise<Recovery> {
  const [features, inputDim] = trueFeatures.dims as [number, number];
  if (directions.dims[1] !== inputDim)
    throw new ShapeError(
      `recovery: features are ${inputDim} wide, directions ${directions.dims[1]}; are they of the same activations?`,
    );
  if (directions.dims[0] === 0) return { recovered_features: 0, mean_max_cosine: null };
  const session = await runtime.open(packModel(cosineModel(inputDim)), options);
  let [recovered, sum] = [0, 0];
  try {
    for (let from = 0; from < features; from += batchSize) {
      const part = sliceRows(trueFeatures, from, Math.min(from + batchSize, features));
      const { largest } = await session.run({ features: part, directions });
      for (const cosine of largest!.data as Float32Array) {
        if (cosine >= recoveredFrom) recovered++;
        sum += cosine;
      }
    }
  } finally {
    await session.release();
  }
  return { recovered_features: recovered, mean_max_cosine: sum / features };
}

/** From `features [batch, inputDim]` and `directions [latents, inputDim]` to the `largest` cosine similarity of each feature. */
function cosineModel(inputDim: number): Model {
  const features = op.input("float32", ["batch", inputDim]);
  const directions = op.input("float32", ["latents", inputDim]);
  // TopK and not ReduceMax: the latter needs cuDNN on CUDA.
  const largest = op.squeeze(op.topK(cosines(features, directions), 1).values, [1]);
  return buildModel({ name: "recovery", inputs: { features, directions }, outputs: { largest } });
}
