import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { buildModel, type ModelParts } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { type MetricDims, withMetrics } from "../metrics/graph.ts";
import type { Model } from "../onnx/proto.ts";
import { configToJson } from "../sae/config.ts";
import { architectureOf, forward, parametersOf } from "../sae/spec.ts";
import { type TargetName, targets } from "./targets/index.ts";

type V = Value<"float32">;

/** Version of the frozen models' inputs, outputs and metadata. */
const version = "1";

/** Parameters as constants under their own names. */
const weights = ({ config, tensors }: Checkpoint): Record<string, V> =>
  Object.fromEntries(Object.keys(parametersOf(config)).map((name) => [name, op.constant(tensors[name]!, name)]));

/** Activations in, latents (and, with `reconstruction`, what they rebuild) out: the same `encode` the training graph uses. */
function encoderParts(
  checkpoint: Checkpoint,
  target: TargetName,
  { reconstruction }: { reconstruction: boolean },
): ModelParts {
  const { config } = checkpoint;
  const activations = op.input("float32", ["batch", config.inputDim]);
  const { code, xHat } = forward(config, activations, weights(checkpoint), targets[target].keep);
  const top = code.top ? { top_values: code.top.values, top_indices: code.top.indices } : {};
  return {
    name: config.architecture,
    inputs: { activations },
    outputs: { latents: code.z, ...top, ...(reconstruction ? { reconstruction: xHat } : {}) },
  };
}

function decoderParts(checkpoint: Checkpoint): ModelParts {
  const { config } = checkpoint;
  const latents = op.input("float32", ["batch", config.latentDim]);
  const sae = architectureOf(config);
  const reconstruction = scope("decode", () => sae.decode(latents, weights(checkpoint), config.options));
  return { name: config.architecture, inputs: { latents }, outputs: { reconstruction } };
}

/** Everything a frozen model says about itself; nothing about when or where it was made. */
function frozenMetadata({ config, dataDigest, layer, position, metrics }: Checkpoint, part: Part, target: TargetName) {
  return {
    format: "sae-onnx",
    version,
    part,
    target,
    architecture: config.architecture,
    preset: config.preset,
    input_dim: String(config.inputDim),
    latent_dim: String(config.latentDim),
    ...("k" in config.options ? { k: String(config.options.k) } : {}),
    layer: String(layer),
    position: String(position),
    config: JSON.stringify(configToJson(config)),
    data_digest: dataDigest,
    metrics: JSON.stringify(metrics),
  };
}

const built = (checkpoint: Checkpoint, part: Part, target: TargetName, modelParts: ModelParts): Model =>
  buildModel({ ...modelParts, metadata: frozenMetadata(checkpoint, part, target), opset: targets[target] });

/** Every part that can be frozen. */
export const parts = {
  /** `activations [batch, inputDim]` to `latents [batch, latentDim]`; target ort: also `top_values` and `top_indices [batch, k]`. */
  encoder: (checkpoint: Checkpoint, target: TargetName) =>
    built(checkpoint, "encoder", target, encoderParts(checkpoint, target, { reconstruction: false })),
  /** As the encoder, and `reconstruction [batch, inputDim]`. */
  autoencoder: (checkpoint: Checkpoint, target: TargetName) =>
    built(checkpoint, "autoencoder", target, encoderParts(checkpoint, target, { reconstruction: true })),
  /** `latents [batch, latentDim]` to `reconstruction [batch, inputDim]`. */
  decoder: (checkpoint: Checkpoint, target: TargetName) =>
    built(checkpoint, "decoder", target, decoderParts(checkpoint)),
  /** `activations` and `shift [inputDim]` to the sums of every metric, listed in its metadata. */
  evaluator: (checkpoint: Checkpoint, target: TargetName): Model =>
    withMetrics(parts.autoencoder(checkpoint, target), dimsOf(checkpoint, target)),
} as const;

/** The name of a part: `encoder`, `autoencoder`, `decoder` or `evaluator`. */
export type Part = "encoder" | "autoencoder" | "decoder" | "evaluator";

/**
 * A frozen model of a checkpoint. The same checkpoint gives the same bytes.
 *
 * Its numbers are the training graph's to float rounding, and bit for bit where ONNX Runtime's session option
 * `session.disable_prepacking` is on: packed constant weights are added up in another order. A batch has one row or
 * more: ONNX Runtime's TopK on the CPU ends the process on none. Default target: ort.
 * @throws {ConfigError} when the target cannot express the SAE's selection.
 */
export const freeze = (checkpoint: Checkpoint, part: Part, target: TargetName = "ort"): Model =>
  parts[part](checkpoint, target);

const dimsOf = ({ config }: Checkpoint, target: TargetName): MetricDims => ({
  inputDim: config.inputDim,
  latentDim: config.latentDim,
  // Only exact selection has `top_values`.
  k: target === "ort" && typeof config.options.k === "number" ? config.options.k : undefined,
});
