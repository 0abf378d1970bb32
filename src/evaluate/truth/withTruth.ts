import type { Truth } from "../../data/truth.ts";
import type { Model } from "../../onnx/proto.ts";
import { hostTensor } from "../../onnx/tensors.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import type { AnyRows, Evaluation } from "../evaluate.ts";
import { detectionOf } from "./detection.ts";
import { matchingMetrics, matchingOf } from "./matching.ts";
import { recoveryOf } from "./recovery.ts";

/** Most validation rows in which latents are judged as detectors; SAELens takes as many. */
export const mostJudgedRows = 100_000;

/** Why a number may not exist. */
const reasons = {
  mean_max_cosine: "no latent fires",
  mcc: "there are too many pairs of latents and features to match",
  absorption_rate: "no child feature has a latent of its own that fires and a parent with one",
};

/**
 * The evaluation with what is known of synthetic data added: the recovery of the dictionary, measured on the decoder rows of latents
 * that fire, the matching of all decoder rows with it and, where the rows say which features are in them, latents as detectors.
 * `truth.active` is of the first validation rows. The evaluation itself where nothing is known, the model keeps no `W_dec`, or it is a
 * transcoder, whose decoder rows are in another space.
 */
export async function withTruth(
  runtime: Runtime,
  model: Model,
  evaluation: Evaluation,
  truth: Truth | undefined,
  validation: AnyRows,
  options: SessionOptions = {},
): Promise<Evaluation> {
  const { metrics, nullReasons, splits, latents } = evaluation;
  const decoder = decoderOf(model, evaluation);
  if (!truth || !decoder || !latents.frequency || evaluation.outputDim !== undefined) return evaluation;
  const recovery = await recoveryOf(runtime, truth.features, firingRows(decoder, latents.frequency), options);
  const matching = await matchingOf(runtime, truth.features, decoder, options);
  const ofDecoder = { ...recovery, ...matchingMetrics(matching) };
  const { active, parents } = truth;
  const judged = active && active.dims[0]! > 0 && model.graph?.output?.some(({ name }) => name === "latents");
  const ofRows = judged ? await detectionOf(runtime, model, validation, { active, parents }, matching, options) : {};
  const measuredOn = (found: object, split: "all" | "validation") =>
    Object.fromEntries(Object.keys(found).map((key) => [key, split] as const));
  const all: Evaluation["metrics"] = { ...ofDecoder, ...ofRows };
  const missing = Object.entries(reasons).filter(([key]) => all[key] === null);
  return {
    ...evaluation,
    metrics: { ...metrics, ...all },
    nullReasons: { ...nullReasons, ...Object.fromEntries(missing) },
    splits: { ...splits, ...measuredOn(ofDecoder, "all"), ...measuredOn(ofRows, "validation") },
  };
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
