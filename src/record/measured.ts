import type { Evaluation } from "../evaluate/evaluate.ts";
import type { MetricRow } from "./row.ts";

/** The SAE a frozen file is of: `sae_d512_k5.autoencoder.onnx` is `sae_d512_k5`. */
export const modelName = (file: string): string => file.replace(/(\.(autoencoder|evaluator))?\.onnx$/, "");

/** The row of a model that may be anybody's: what its metadata do not say stays unknown. */
export function measuredRow(
  name: string,
  provider: string,
  { metadata, metrics, splits, inputDim, latentDim, k }: Evaluation,
): MetricRow {
  const config = Object(parsed(metadata.config)) as Record<string, unknown>;
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
    latent_dim: latentDim,
    k: k ?? null,
    epochs: number(config.epochs) ?? Number.NaN,
    train_time_sec: null,
    metrics,
    splits,
    loss: [],
  };
}

/** JSON of a foreign file's metadata, or nothing. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
