import { opsetVersion } from "../graph/build.ts";
import { type MetricDims, type SumsTable, withMetrics } from "../metrics/graph.ts";
import { metadataOf } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";
import { isHow } from "./accumulate.ts";

/** A model that computes the metrics' sums, and what it says of itself. */
export interface Evaluator {
  readonly model: Model;
  readonly table: SumsTable;
  readonly inputDim: number;
  readonly latentDim: number;
  readonly k: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The evaluator in a frozen model: an evaluator itself, or an autoencoder with the sums put behind it. An autoencoder is
 * any model from `activations [batch, inputDim]` to `latents [batch, latentDim]` and `reconstruction [batch, inputDim]`.
 * @throws {ConfigError} naming what is missing when the model is neither.
 */
export function evaluatorOf(model: Model, file: string): Evaluator {
  const metadata = metadataOf(model);
  const width = (name: string, among: "input" | "output"): number | undefined => {
    const info = model.graph?.[among]?.find((one) => one.name === name);
    const dim = info ? shapeOf(info)?.at(-1) : undefined;
    return typeof dim === "number" ? dim : undefined;
  };
  const inputDim = width("activations", "input");
  if (inputDim === undefined)
    throw new ConfigError(
      `${file}: no input "activations" [batch, inputDim] (it has ${names(model, "input")}); give a frozen autoencoder, as sae-onnx train and export write`,
    );
  if (metadata.part === "evaluator") return { model, inputDim, metadata, ...evaluatorMetadata(model, metadata, file) };
  const latentDim = width("latents", "output");
  if (latentDim === undefined || width("reconstruction", "output") !== inputDim) {
    const hint = metadata.part === "encoder" ? "; this is an encoder, use the .autoencoder.onnx beside it" : "";
    throw new ConfigError(
      `${file}: not an autoencoder: it needs outputs "latents" and "reconstruction" [batch, ${inputDim}], it has ${names(model, "output")}${hint}`,
    );
  }
  const k = width("top_values", "output");
  const whole = chained(model, { inputDim, latentDim, k }, file);
  const table = JSON.parse(metadataOf(whole).sums!) as SumsTable;
  return { model: whole, table, inputDim, latentDim, k, metadata };
}

function chained(model: Model, dims: MetricDims, file: string): Model {
  try {
    return withMetrics(model, dims);
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}; export it again with opset ${opsetVersion}`);
  }
}

function evaluatorMetadata(model: Model, metadata: Readonly<Record<string, string>>, file: string) {
  const damaged = (what: string) => new ConfigError(`${file}: its ${what} is damaged; export the evaluator again`);
  const count = (key: string): number => {
    if (!/^[1-9]\d*$/.test(metadata[key] ?? "")) throw damaged(`metadata "${key}" (${metadata[key] ?? "missing"})`);
    return Number(metadata[key]);
  };
  const outputs = new Set((model.graph?.output ?? []).map(({ name }) => name));
  const table = parsed(metadata.sums) as SumsTable | undefined;
  if (
    typeof table !== "object" ||
    table === null ||
    !Object.entries(table).every(([name, how]) => outputs.has(name) && isHow(how))
  )
    throw damaged('list of sums (metadata "sums")');
  return { table, latentDim: count("latent_dim"), k: metadata.k === undefined ? undefined : count("k") };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

const names = (model: Model, among: "input" | "output"): string =>
  (model.graph?.[among] ?? []).map(({ name }) => name).join(", ") || "none";
