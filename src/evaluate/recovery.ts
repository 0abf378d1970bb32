import { buildModel } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { hostTensor } from "../onnx/tensors.ts";
import type { Runtime, SessionOptions } from "../runtime/session.ts";
import { ShapeError } from "../util/errors.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";
import type { Evaluation } from "./evaluate.ts";

type V = Value<"float32">;

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
 * The evaluation with the recovery of a known dictionary `[features, inputDim]` added, measured on the decoder rows of the
 * latents that fire in its rows; the evaluation itself where there is no dictionary, the model keeps no `W_dec`, or it is a
 * transcoder, whose decoder rows are in another space.
 */
export async function withRecovery(
  runtime: Runtime,
  model: Model,
  evaluation: Evaluation,
  trueFeatures: HostTensor<"float32"> | undefined,
  options: SessionOptions = {},
): Promise<Evaluation> {
  const { metrics, nullReasons, splits, latents } = evaluation;
  const decoder = decoderOf(model, evaluation);
  if (!trueFeatures || !decoder || !latents.frequency || evaluation.outputDim !== undefined) return evaluation;
  const recovery = await recoveryOf(runtime, trueFeatures, firingRows(decoder, latents.frequency), options);
  const measuredOn = Object.fromEntries(Object.keys(recovery).map((key) => [key, "all"] as const));
  const reasons = recovery.mean_max_cosine === null ? { mean_max_cosine: "no latent fires" } : {};
  return {
    ...evaluation,
    metrics: { ...metrics, ...recovery },
    nullReasons: { ...nullReasons, ...reasons },
    splits: { ...splits, ...measuredOn },
  };
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
  const cosines = op.matMul(unit(features), op.transpose(unit(directions)));
  // TopK and not ReduceMax: the latter needs cuDNN on CUDA.
  const largest = op.squeeze(op.topK(cosines, 1).values, [1]);
  return buildModel({ name: "recovery", inputs: { features, directions }, outputs: { largest } });
}

/** Rows of length 1; rows of zeros stay. Divided by their largest entry first, so that no square over- or underflows. */
function unit(x: V): V {
  const safe = (size: V) => op.where(op.equal(size, 0), 1, size);
  const scaled = op.div(x, safe(op.topK(op.abs(x), 1).values));
  const length = op.sqrt(op.reduceSum(op.mul(scaled, scaled), { axes: [1], keepDims: true }));
  return op.div(scaled, safe(length));
}

/** The decoder `[latentDim, inputDim]` that a frozen model keeps under the name `W_dec`. */
function decoderOf({ graph }: Model, { latentDim, inputDim }: Evaluation): HostTensor<"float32"> | undefined {
  const kept = graph?.initializer?.find(({ name }) => name === "W_dec");
  const decoder = kept && hostTensor(kept);
  const fits = decoder?.dtype === "float32" && decoder.dims.join() === [latentDim, inputDim].join();
  return fits ? (decoder as HostTensor<"float32">) : undefined;
}

function firingRows(decoder: HostTensor<"float32">, frequency: Float64Array): HostTensor<"float32"> {
  const width = decoder.dims[1]!;
  const firing = Array.from(frequency.keys()).filter((latent) => frequency[latent]! > 0);
  const data = new Float32Array(firing.length * width);
  firing.forEach((latent, i) => {
    data.set(decoder.data.subarray(latent * width, (latent + 1) * width), i * width);
  });
  return tensor("float32", [firing.length, width], data);
}
