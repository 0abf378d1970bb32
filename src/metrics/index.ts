import { activationMagnitude } from "./activationMagnitude.ts";
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
import { reconstructionLoss } from "./reconstructionLoss.ts";
import { rowShare } from "./rowShare.ts";

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

/** Keys that compare an SAE's decoder with a known dictionary; only rows measured on data with one have them. See evaluate/recovery.ts. */
const recoveryKeys: typeof metricKeys = {
  recovered_features: {
    label: "Recovered features",
    better: "higher",
    format: ".0f",
    definition:
      "How many features of the known dictionary have a cosine similarity of at least 0.9 with the decoder row of some latent that fires; a row that points the other way, as latents of both signs can use it, does not count. Only where the data bring a dictionary.",
    split: "all",
  },
  mean_max_cosine: {
    label: "Mean largest cosine",
    better: "higher",
    format: ".3f",
    definition:
      "For each feature of the known dictionary the largest cosine similarity, sign and all, with the decoder row of a latent that fires, averaged over the dictionary. Only where the data bring one.",
    split: "all",
  },
};

/** Every key a row of the metrics files may have. */
export const describedKeys: typeof metricKeys = { ...metricKeys, ...recoveryKeys };
