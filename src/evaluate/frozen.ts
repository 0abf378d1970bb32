import { quote } from "../data/quote.ts";
import { opsetVersion } from "../graph/build.ts";
import { type MetricDims, type MetricsForm, metricsGraph, type SumsTable, withMetrics } from "../metrics/graph.ts";
import { metadataOf } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";

/** A model that computes the metrics' sums, and what it says of itself. */
export interface Evaluator {
  readonly model: Model;
  readonly table: SumsTable;
  readonly inputDim: number;
  readonly latentDim: number;
  /** A transcoder's: width of what it reconstructs, which is not what it reads. */
  readonly outputDim: number | undefined;
  readonly k: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The evaluator in a frozen model: an evaluator itself, or an autoencoder with the sums put behind it. An autoencoder is
 * any model from `activations [batch, inputDim]` to `latents [batch, latentDim]` and `reconstruction [batch, inputDim]`. `form` is how sums
 * that are put behind it are written.
 * @throws {ConfigError} naming what is missing when the model is neither.
 */
export function evaluatorOf(model: Model, file: string, form: MetricsForm = {}): Evaluator {
  const metadata = metadataOf(model);
  if (metadata.format === "sae-onnx" && metadata.version !== "1")
    throw new ConfigError(
      `${file}: a frozen model of version ${quote(metadata.version ?? "missing")}, this sae-onnx reads 1; use the release that wrote it`,
    );
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
  if (metadata.part === "evaluator")
    return { model, inputDim, metadata, ...evaluatorMetadata(model, metadata, inputDim, file) };
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
  const whole = chained(model, { inputDim, latentDim, outputDim, k }, form, file);
  const table = JSON.parse(metadataOf(whole).sums!) as SumsTable;
  return { model: whole, table, inputDim, latentDim, outputDim, k, metadata };
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

function chained(model: Model, dims: MetricDims, form: MetricsForm, file: string): Model {
  try {
    return withMetrics(model, dims, form);
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}; export it again with opset ${opsetVersion}`);
  }
}

/**
 * What an evaluator says of itself. Each sum it lists is one of its outputs and joined as it is here; sums that are not known here
 * are ignored, and a metric is measured where all its sums are listed: older evaluators do not have the newest ones.
 */
function evaluatorMetadata(model: Model, metadata: Readonly<Record<string, string>>, inputDim: number, file: string) {
  const damaged = (what: string) => new ConfigError(`${file}: its ${what}; export the evaluator again`);
  const count = (key: string): number => {
    const text = metadata[key] ?? "missing";
    if (!/^[1-9]\d*$/.test(text)) throw damaged(`metadata "${key}" is damaged (${quote(text)})`);
    return Number(text);
  };
  const latentDim = count("latent_dim");
  const k = metadata.k === undefined ? undefined : count("k");
  const outputDim = metadata.output_dim === undefined ? undefined : count("output_dim");
  const listed = parsed(metadata.sums);
  if (typeof listed !== "object" || listed === null) throw damaged('list of sums (metadata "sums") is damaged');
  const known = metricsGraph({ inputDim, latentDim, outputDim, k }).table;
  const outputs = new Set(model.graph?.output?.map(({ name }) => name));
  const wrong = Object.entries(listed).find(
    ([name, how]) => !outputs.has(name) || (Object.hasOwn(known, name) && how !== known[name]),
  );
  if (wrong) throw damaged(`sums are damaged (${quote(wrong[0])} is no output, or joined in another way)`);
  const table = measurable(known, listed);
  if (Object.keys(table).length === 0) throw damaged("list of sums is damaged (it has no metric that is known here)");
  return { table, latentDim, outputDim, k };
}

/** The sums of the metrics whose every sum is listed. */
function measurable(known: SumsTable, listed: object): SumsTable {
  const metricOf = (sum: string) => sum.split(".")[0]!;
  const incomplete = new Set(
    Object.keys(known)
      .filter((sum) => !Object.hasOwn(listed, sum))
      .map(metricOf),
  );
  return Object.fromEntries(Object.entries(known).filter(([sum]) => !incomplete.has(metricOf(sum))));
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
