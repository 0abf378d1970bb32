import { originInMetadata } from "../checkpoint/origin.ts";
import type { Evaluation } from "../evaluate/evaluate.ts";
import { parseSmall } from "../util/json.ts";
import { isRecord } from "./json.ts";
import type { SaeRecord } from "./record.ts";

/** The SAE a frozen file is of: `sae_d512_k5.autoencoder.onnx` is `sae_d512_k5`. */
export const modelName = (file: string): string => file.replace(/(\.(autoencoder|evaluator))?\.onnx$/, "");

/** The record of a model that may be anybody's: what its metadata do not say stays unknown. */
export function measuredRecord(
  name: string,
  provider: string,
  { metadata, metrics, nullReasons, splits, inputDim, latentDim, k }: Evaluation,
): SaeRecord {
  const config = settingsIn(parsed(metadata.config));
  const number = (value: unknown): number | null =>
    typeof value === "number" && Number.isFinite(value) ? value : null;
  return {
    name,
    architecture: metadata.architecture ?? "unknown",
    preset: metadata.preset ?? "unknown",
    provider,
    seed: number(config.seed) ?? Number.NaN,
    layer: number(parsed(metadata.layer)),
    position: number(parsed(metadata.position)),
    input_dim: inputDim,
    output_dim: number(config.output_dim),
    latent_dim: latentDim,
    k: k ?? number(config.k),
    epochs: number(config.epochs) ?? Number.NaN,
    train_time_sec: null,
    threads: null,
    left_out_rows: null,
    config,
    origin: originInMetadata(metadata),
    metrics,
    null_reasons: nullReasons,
    splits,
    loss: [],
  };
}

/** The settings of a JSON object: its numbers, texts and booleans; none where it is something else. */
function settingsIn(json: unknown): SaeRecord["config"] {
  const settings = Object.entries(isRecord(json) ? json : {}).filter(([, value]) =>
    ["number", "string", "boolean"].includes(typeof value),
  );
  return Object.fromEntries(settings) as SaeRecord["config"];
}

/** JSON of a foreign file's metadata, or nothing. */
function parsed(text: string | undefined): unknown {
  try {
    return parseSmall(text ?? "null");
  } catch {
    return null;
  }
}
