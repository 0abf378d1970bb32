import { quote } from "../data/quote.ts";
import { opsetVersion } from "../graph/build.ts";
import { activeIn, type MetricsForm, type SumsTable, withMetrics } from "../metrics/graph.ts";
import { metadataOf } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import { shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";

/** A model that computes the metrics' sums, and what it says of itself. */
export interface Evaluator {
  readonly model: Model;
  readonly table: SumsTable;
  readonly inputDim: number;
  readonly latentDim: number;
  /** A transcoder's: width of what it reconstructs, which is not what it reads. */
  readonly outputDim: number | undefined;
  readonly k: number | undefined;
  /** The output with the latents that may be non-zero. */
  readonly active: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The evaluator of a frozen model: its autoencoder with the sums put behind it. An autoencoder is
 * any model from `activations [batch, inputDim]` to `latents [batch, latentDim]` and `reconstruction [batch, inputDim]`. An evaluator,
 * of this release or an older one, is measured as the autoencoder it was made of. `form` is how the sums are written.
 * @throws {ConfigError} naming what is missing when the model is neither.
 */
export function evaluatorOf(given: Model, file: string, form: MetricsForm = {}): Evaluator {
  const metadata = metadataOf(given);
  if (metadata.format === "sae-onnx" && metadata.version !== "1")
    throw new ConfigError(
      `${file}: a frozen model of version ${quote(metadata.version ?? "missing")}, this sae-onnx reads 1; use the release that wrote it`,
    );
  const model = metadata.part === "evaluator" ? autoencoderIn(given, file) : given;
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
  const latentDim = width("latents", "output");
  // Only the metadata tell a transcoder between layers of one width from an SAE.
  const outputDim = metadata.output_dim === undefined ? undefined : Number(metadata.output_dim);
  if (latentDim === undefined || width("reconstruction", "output") !== (outputDim ?? inputDim)) {
    const hint = metadata.part === "encoder" ? "; this is an encoder, use the .autoencoder.onnx beside it" : "";
    throw new ConfigError(
      `${file}: not an autoencoder: it needs outputs "latents" and "reconstruction" [batch, ${outputDim ?? inputDim}], it has ${names(model, "output")}${hint}`,
    );
  }
  const k = width("top_values", "output");
  const whole = chained(model, latentDim, form, file);
  const table = parseSmall(metadataOf(whole).sums!) as SumsTable;
  return { model: whole, table, inputDim, latentDim, outputDim, k, active: activeIn(model), metadata };
}

/**
 * The width of the activations that a frozen encoder takes.
 * @throws {ConfigError} when the model does not give latents of activations.
 */
export function encoderWidth(model: Model, file: string): number {
  const info = model.graph?.input?.find((one) => one.name === "activations");
  const inputDim = info && shapeOf(info)?.at(-1);
  if (typeof inputDim !== "number" || !model.graph?.output?.some((one) => one.name === "latents"))
    throw new ConfigError(
      `${file}: no encoder: it needs an input "activations" [batch, inputDim] and an output "latents", it has ${names(model, "input")} and ${names(model, "output")}; give a frozen .encoder.onnx`,
    );
  return inputDim;
}

function chained(model: Model, latentDim: number, form: MetricsForm, file: string): Model {
  try {
    return withMetrics(model, latentDim, form);
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}; export it again with opset ${opsetVersion}`);
  }
}

/** The autoencoder an evaluator was made of: its outputs are values of the evaluator, under their own names. */
function autoencoderIn({ graph = {}, ...model }: Model, file: string): Model {
  const made = new Set(graph?.node?.flatMap(({ output }) => output ?? []));
  const output = [...(graph?.output ?? []), ...(graph?.valueInfo ?? [])].filter(
    ({ name }) => autoencoderOutputs.includes(name ?? "") && made.has(name ?? ""),
  );
  const lacking = ["latents", "reconstruction"].find((name) => !output.some((one) => one.name === name));
  if (lacking !== undefined)
    throw new ConfigError(`${file}: an evaluator without a value "${lacking}"; export the evaluator again`);
  const whole = { ...model, graph: { ...graph, output } };
  return onlyOutputs(whole, autoencoderOutputs);
}

const autoencoderOutputs: readonly string[] = ["latents", "top_values", "top_indices", "reconstruction"];

const names = (model: Model, among: "input" | "output"): string =>
  (model.graph?.[among] ?? []).map(({ name }) => name).join(", ") || "none";
