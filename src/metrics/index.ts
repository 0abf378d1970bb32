import { activationMagnitude } from "./activationMagnitude.ts";
import { chanceKeys } from "./chanceKeys.ts";
import { cosineSimilarity } from "./cosineSimilarity.ts";
import { explainedVariance } from "./explainedVariance.ts";
import { explainedVarianceCentered } from "./explainedVarianceCentered.ts";
import { featureDeath } from "./featureDeath.ts";
import { heaviestRows } from "./heaviestRows.ts";
import { l0 } from "./l0.ts";
import { l2Ratio } from "./l2Ratio.ts";
import { latentStatistics } from "./latentStatistics.ts";
import { meanPredictor } from "./meanPredictor.ts";
import type { AnyMetric, KeyInfo, Split } from "./metric.ts";
import { reconstructionBias } from "./reconstructionBias.ts";
import { reconstructionLoss } from "./reconstructionLoss.ts";
import { rowShare } from "./rowShare.ts";
import { truthKeys } from "./truthKeys.ts";

/** Every metric, in the order files and tables show them. */
export const metrics = {
  explainedVariance,
  explainedVarianceCentered,
  meanPredictor,
  rowShare,
  heaviestRows,
  reconstructionLoss,
  cosineSimilarity,
  l2Ratio,
  reconstructionBias,
  l0,
  activationMagnitude,
  featureDeath,
  latentStatistics,
} as const satisfies Record<string, AnyMetric>;

/** Every key an evaluation gives: what it is called, which direction is good, how it is printed, what it means. */
export const metricKeys: Readonly<Record<string, KeyInfo & { readonly split: Split }>> = Object.fromEntries(
  Object.values<AnyMetric>(metrics).flatMap(({ keys, split }) =>
    Object.entries(keys).map(([key, info]) => [key, { ...info, split }] as const),
  ),
);

/** Every key a row of the metrics files may have. */
export const describedKeys: typeof metricKeys = { ...metricKeys, ...chanceKeys, ...truthKeys };
