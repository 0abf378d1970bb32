import { buildModel, type ModelDraft, opsetVersion } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { chainModels } from "../onnx/chain.ts";
import { metadataOf, withMetadata } from "../onnx/model.ts";
import { type Model, toNumber } from "../onnx/proto.ts";
import { metrics } from "./index.ts";
import type { AnyMetric, How, MetricInputs } from "./metric.ts";

type V = Value<"float32">;

/** The output with the latents that may be non-zero. */
export const activeIn = ({ graph }: Model): "top_values" | "latents" =>
  graph?.output?.some(({ name }) => name === "top_values") ? "top_values" : "latents";

/** How the largest of each column is found; both give the same number. */
const largestBy = {
  /** Runs everywhere. */
  topK: (x: V) => op.squeeze(op.topK(op.transpose(x), 1).values, [1]),
  /** Quicker, but CUDA needs cuDNN for it. */
  reduceMax: (x: V) => op.reduceMax(x, { axes: [0] }),
} as const satisfies Record<string, MetricInputs["largestOver"]>;

/** How the metrics' graph is written; the numbers do not depend on it. */
export interface MetricsForm {
  readonly largestBy?: keyof typeof largestBy;
}

/** How each output of the metrics' graph is joined over batches, by output name `metric.sum`. */
export type SumsTable = Readonly<Record<string, How>>;

/** The graph of all metrics' sums over latents: takes `latents`. */
export function metricsGraph(
  latentDim: number,
  { largestBy: how = "topK" }: MetricsForm = {},
): { parts: ModelDraft; table: SumsTable } {
  const latents = op.input("float32", ["batch", latentDim]);
  const given: MetricInputs = { z: latents, largestOver: largestBy[how] };
  const sums = Object.entries<AnyMetric>(metrics).flatMap(([name, metric]) =>
    scope(name, () => Object.entries(metric.sums?.(given) ?? {}).map(([sum, one]) => [`${name}.${sum}`, one] as const)),
  );
  return {
    parts: {
      name: "metrics",
      inputs: { latents },
      outputs: Object.fromEntries(sums.map(([name, { value }]) => [name, value])),
    },
    table: Object.fromEntries(sums.map(([name, { how }]) => [name, how])),
  };
}

/**
 * An autoencoder that gives all the metrics need: the reconstruction, the latents that may be non-zero (`top_values` where
 * selection is exact, else `latents`), and the sums over latents; its metadata say how each sum is joined.
 */
export function withMetrics(autoencoder: Model, latentDim: number, form: MetricsForm = {}): Model {
  const { parts, table } = metricsGraph(latentDim, form);
  const { opsetImport, irVersion } = autoencoder;
  const version = toNumber(opsetImport?.[0]?.version);
  // From 13 to 17 these ops take the same inputs and attributes; a model of another opset is refused by the chain.
  const known = opsetImport?.length === 1 && version >= 13 && version <= opsetVersion;
  const opset = known ? { opset: { opsetVersion: version, irVersion: toNumber(irVersion) } } : {};
  const whole = chainModels(autoencoder, buildModel({ ...parts, ...opset }), "metrics", [
    activeIn(autoencoder),
    "reconstruction",
  ]);
  return withMetadata(whole, { ...metadataOf(autoencoder), part: "evaluator", sums: JSON.stringify(table) });
}
