import { buildModel, type ModelDraft, opsetVersion } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { chainModels } from "../onnx/chain.ts";
import { metadataOf, withMetadata } from "../onnx/model.ts";
import { type Model, toNumber } from "../onnx/proto.ts";
import { metrics } from "./index.ts";
import type { AnyMetric, How, MetricInputs } from "./metric.ts";

/** The dims of the SAE to measure; `outputDim` of a transcoder, `k` where selection is exact. */
export interface MetricDims {
  readonly inputDim: number;
  readonly latentDim: number;
  readonly outputDim?: number | undefined;
  readonly k: number | undefined;
}

type V = Value<"float32">;

/** How the largest of a row or column is found; both give the same number. */
const largestBy = {
  /** Runs everywhere. */
  topK: (x: V, axis: 0 | 1) => op.squeeze(op.topK(axis === 1 ? x : op.transpose(x), 1).values, [1]),
  /** Quicker, but CUDA needs cuDNN for it. */
  reduceMax: (x: V, axis: 0 | 1) => op.reduceMax(x, { axes: [axis] }),
} as const satisfies Record<string, MetricInputs["largestOver"]>;

/** How the metrics' graph is written; the numbers do not depend on it. */
export interface MetricsForm {
  readonly largestBy?: keyof typeof largestBy;
}

/** How each output of the metrics' graph is joined over batches, by output name `metric.sum`. */
export type SumsTable = Readonly<Record<string, How>>;

/** The graph of all metrics' sums: takes `activations`, `targets` (of a transcoder), `shift`, `latents`, `top_values` (where `k` is known) and `reconstruction`. */
export function metricsGraph(
  { inputDim, latentDim, outputDim, k }: MetricDims,
  { largestBy: how = "topK" }: MetricsForm = {},
): { parts: ModelDraft; table: SumsTable } {
  const activations = op.input("float32", ["batch", inputDim]);
  const targets = outputDim === undefined ? undefined : op.input("float32", ["batch", outputDim]);
  const width = outputDim ?? inputDim;
  const shift = op.input("float32", [width]);
  const latents = op.input("float32", ["batch", latentDim]);
  const reconstruction = op.input("float32", ["batch", width]);
  const top = k === undefined ? undefined : op.input("float32", ["batch", k]);
  const given: MetricInputs = {
    ...{
      x: activations,
      target: targets ?? activations,
      shift,
      xHat: reconstruction,
      z: latents,
      active: top ?? latents,
    },
    largestOver: largestBy[how],
  };

  const sums = Object.entries<AnyMetric>(metrics).flatMap(([name, metric]) =>
    scope(name, () => Object.entries(metric.sums(given)).map(([sum, one]) => [`${name}.${sum}`, one] as const)),
  );
  const inputs: Record<string, Value> = { activations, shift, latents, reconstruction };
  if (targets) inputs.targets = targets;
  if (top) inputs.top_values = top;
  return {
    parts: { name: "metrics", inputs, outputs: Object.fromEntries(sums.map(([name, { value }]) => [name, value])) },
    table: Object.fromEntries(sums.map(([name, { how }]) => [name, how])),
  };
}

/** An autoencoder with the metrics' sums behind it; its metadata say how each is joined. */
export function withMetrics(autoencoder: Model, dims: MetricDims, form: MetricsForm = {}): Model {
  const { parts, table } = metricsGraph(dims, form);
  const { opsetImport, irVersion } = autoencoder;
  const version = toNumber(opsetImport?.[0]?.version);
  // From 13 to 17 these ops take the same inputs and attributes; a model of another opset is refused by the chain.
  const known = opsetImport?.length === 1 && version >= 13 && version <= opsetVersion;
  const opset = known ? { opset: { opsetVersion: version, irVersion: toNumber(irVersion) } } : {};
  const whole = chainModels(autoencoder, buildModel({ ...parts, ...opset }), "metrics");
  return withMetadata(whole, { ...metadataOf(autoencoder), part: "evaluator", sums: JSON.stringify(table) });
}
