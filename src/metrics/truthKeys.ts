import type { KeyInfo, Split } from "./metric.ts";

/** Keys that compare an SAE with what synthetic data are made of; only rows measured on such data have them. See evaluate/truth. */
export const truthKeys: Readonly<Record<string, KeyInfo & { readonly split: Split }>> = {
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
  mcc: {
    label: "MCC",
    better: "higher",
    format: ".3f",
    definition:
      "Mean absolute cosine similarity of decoder rows and features of the known dictionary, matched one to one so that it is largest; all latents, dead ones too. Not given above 134 million pairs. Only where the data bring a dictionary.",
    split: "all",
  },
  uniqueness: {
    label: "Uniqueness",
    better: "higher",
    format: ".3f",
    definition:
      "How many different features are nearest to some decoder row by absolute cosine, over the number of latents. 1: no two latents stand for one feature. Only where the data bring a dictionary.",
    split: "all",
  },
  feature_precision: {
    label: "Feature precision",
    better: "higher",
    format: ".3f",
    definition:
      "Each latent as a detector of the feature nearest to its decoder row: how often the feature is there where the latent fires; mean over all latents, 0 for those that never fire. Only where the data say which features are in each row.",
    split: "validation",
  },
  feature_recall: {
    label: "Feature recall",
    better: "higher",
    format: ".3f",
    definition:
      "The same: how often the latent fires where its feature is there; mean over all latents. Only where the data say which features are in each row.",
    split: "validation",
  },
  feature_f1: {
    label: "Feature F1",
    better: "higher",
    format: ".3f",
    definition:
      "Harmonic mean of a latent's precision and recall as a detector of its feature, 0 where both are; mean over all latents. Only where the data say which features are in each row.",
    split: "validation",
  },
  absorption_rate: {
    label: "Absorption",
    better: "lower",
    format: ".3f",
    definition:
      "Where a child feature's own latent fires, how often the latent of its parent, which is there too, stays silent. A latent is a feature's own where the two are matched with an absolute cosine of at least 0.5. Only where the data have trees of features.",
    split: "validation",
  },
};
