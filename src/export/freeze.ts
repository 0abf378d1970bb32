import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { configToJson } from "../config/json.ts";
import { buildModel, type ModelDraft } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import type { OpType } from "../graph/opset.ts";
import type { Value } from "../graph/value.ts";
import { withMetrics } from "../metrics/graph.ts";
import type { Model } from "../onnx/proto.ts";
import {
  architectureOf,
  decode,
  encode,
  parametersOf,
  restored,
  type SaeSpec,
  skipped,
  statesOf,
} from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { type TargetName, targets } from "./targets/index.ts";
import type { Target } from "./targets/target.ts";
import { type WeightTypeName, weightTypes } from "./weights/index.ts";

type V = Value<"float32">;

/** Version of the frozen models' inputs, outputs and metadata. */
const version = "1";

/** For whom a model is frozen, and how its weights are stored. */
export interface FreezeOptions {
  /** Default: ort. */
  readonly target?: TargetName;
  /** Default: float32. */
  readonly dtype?: WeightTypeName;
}
type Chosen = Required<FreezeOptions>;

/** Parameters and state as constants under their own names; matrices as the weight type stores them, the rest in float32. */
const weights = ({ config, tensors }: Checkpoint, dtype: WeightTypeName): Record<string, V> =>
  Object.fromEntries(
    [...Object.keys(parametersOf(config)), ...Object.keys(statesOf(config))].map((name) => {
      const value = tensors[name]!;
      return [name, value.dims.length === 2 ? weightTypes[dtype].stored(value, name) : op.constant(value, name)];
    }),
  );

/** Activations in, latents (and, with `reconstruction`, what they rebuild) out: the same `encode` the training graph uses. */
function encoderParts(
  checkpoint: Checkpoint,
  { target, dtype }: Chosen,
  { reconstruction }: { reconstruction: boolean },
): ModelDraft {
  const { config } = checkpoint;
  const activations = op.input("float32", ["batch", config.inputDim]);
  const params = weights(checkpoint, dtype);
  const { keep, decode: own }: Target = targets[target];
  const code = encode(config, activations, params, { state: params, keep });
  const sum = decode(config, code.z, params, skipped(config, activations, params), own && ((z) => own(z, params)));
  const xHat = restored(config, sum, activations);
  const top = code.top ? { top_values: code.top.values, top_indices: code.top.indices } : {};
  return {
    name: config.architecture,
    inputs: { activations },
    outputs: {
      latents: code.z,
      ...top,
      ...(reconstruction ? { reconstruction: xHat } : {}),
    },
  };
}

function decoderParts(checkpoint: Checkpoint, { target, dtype }: Chosen): ModelDraft {
  const { config } = checkpoint;
  if (config.skip)
    throw new ConfigError(
      "part decoder: a transcoder with a skip connection also needs its input, latents alone do not tell; take the autoencoder",
    );
  const { normalise = "none" } = config.options;
  if (normalise !== "none" && config.outputDim === undefined)
    throw new ConfigError(
      `part decoder: with normalise ${normalise} every row is rebuilt at its own scale, which latents alone do not tell; take the autoencoder`,
    );
  const latents = op.input("float32", ["batch", config.latentDim]);
  const params = weights(checkpoint, dtype);
  const { decode: own }: Target = targets[target];
  const reconstruction = decode(config, latents, params, undefined, own && ((z) => own(z, params)));
  return { name: config.architecture, inputs: { latents }, outputs: { reconstruction } };
}

/** Everything a frozen model says about itself; nothing about when or where it was made. */
function frozenMetadata(
  { config, dataDigest, layer, position, origin, metrics }: Checkpoint,
  part: Part,
  { target, dtype }: Chosen,
) {
  const k = exactK(config);
  return {
    format: "sae-onnx",
    version,
    part,
    target,
    dtype,
    architecture: config.architecture,
    preset: config.preset,
    input_dim: String(config.inputDim),
    latent_dim: String(config.latentDim),
    ...(config.outputDim === undefined ? {} : { output_dim: String(config.outputDim) }),
    ...(k === undefined ? {} : { k: String(k) }),
    layer: String(layer),
    position: String(position),
    ...(origin ? { origin: JSON.stringify(origin) } : {}),
    config: JSON.stringify(configToJson(config)),
    data_digest: dataDigest,
    metrics: JSON.stringify(metrics),
  };
}

function built(checkpoint: Checkpoint, part: Part, chosen: Chosen, modelParts: ModelDraft): Model {
  const { without = [], ...opset }: Target = targets[chosen.target];
  const model = buildModel({ ...modelParts, metadata: frozenMetadata(checkpoint, part, chosen), opset });
  const lacking = model.graph?.node?.find(({ opType }) => without.includes(opType as OpType));
  if (lacking)
    throw new ConfigError(
      `target ${chosen.target}: architecture ${checkpoint.config.architecture} needs ${lacking.opType}, which its runtimes do not have; use target portable`,
    );
  return model;
}

/** Every part that can be frozen. */
export const parts = {
  /** `activations [batch, inputDim]` to `latents [batch, latentDim]`; target ort: also `top_values` and `top_indices [batch, k]`. */
  encoder: (checkpoint: Checkpoint, chosen: Chosen) =>
    built(checkpoint, "encoder", chosen, encoderParts(checkpoint, chosen, { reconstruction: false })),
  /** As the encoder, and `reconstruction [batch, inputDim]`. */
  autoencoder: (checkpoint: Checkpoint, chosen: Chosen) =>
    built(checkpoint, "autoencoder", chosen, encoderParts(checkpoint, chosen, { reconstruction: true })),
  /** `latents [batch, latentDim]` to `reconstruction [batch, inputDim]`. */
  decoder: (checkpoint: Checkpoint, chosen: Chosen) =>
    built(checkpoint, "decoder", chosen, decoderParts(checkpoint, chosen)),
  /** `activations` to what every metric is made of: the reconstruction, the kept latents, and sums over latents, listed in its metadata. */
  evaluator: (checkpoint: Checkpoint, chosen: Chosen): Model =>
    withMetrics(parts.autoencoder(checkpoint, chosen), checkpoint.config.latentDim),
} as const;

/** The name of a part: `encoder`, `autoencoder`, `decoder` or `evaluator`. */
export type Part = "encoder" | "autoencoder" | "decoder" | "evaluator";

/**
 * A frozen model of a checkpoint. The same checkpoint gives the same bytes.
 *
 * Its numbers are the training graph's to float rounding, and bit for bit where ONNX Runtime's session option
 * `session.disable_prepacking` is on: packed constant weights are added up in another order. A batch has one row or
 * more: ONNX Runtime's TopK on the CPU ends the process on none.
 * @throws {ConfigError} when the target cannot express the SAE's selection, or the weights cannot be stored as asked.
 */
export const freeze = (
  checkpoint: Checkpoint,
  part: Part,
  { target = "ort", dtype = "float32" }: FreezeOptions = {},
): Model => parts[part](checkpoint, { target, dtype });

/** How many latents every row keeps; `undefined` where that differs from row to row. */
function exactK(config: SaeSpec): number | undefined {
  const plain = architectureOf(config).plain(config.options, config);
  return "keeps" in plain ? plain.keeps : undefined;
}
