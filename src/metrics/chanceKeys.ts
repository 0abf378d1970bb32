import type { KeyInfo, Split } from "./metric.ts";

/** Keys that say what chance gives, and what another seed gives; see evaluate/chance and pipeline/grid/sharedSeeds.node.ts. */
export const chanceKeys: Readonly<Record<string, KeyInfo & { readonly split: Split }>> = {
  random_decoder_explained_variance_centered: {
    label: "Random dictionary's EV (centred)",
    better: "none",
    format: ".3f",
    definition:
      "The centred explained variance that as many random directions reach with as many of them per row as the SAE's L0, chosen by matching pursuit; of at most 2,048 validation rows. An SAE that is not above it has a dictionary no better than a random one.",
    split: "validation",
  },
  frozen_encoder_explained_variance_centered: {
    label: "Frozen encoder's EV (centred)",
    better: "none",
    format: ".3f",
    definition:
      "The centred explained variance of a random encoder of the same size that keeps as many latents per row as the SAE's L0, by magnitude, with the best decoder for at most 8,192 training rows; of at most 2,048 validation rows. What an SAE has above it, its encoder has learnt.",
    split: "validation",
  },
  shared_features_70: {
    label: "Shared with other seeds (.7)",
    better: "higher",
    format: ".3f",
    definition:
      "The share of latents that SAEs of other seeds in the same grid have too, the mean over those: decoder rows matched one to one, absolute cosine 0.7 or more. All latents, dead ones too.",
    split: "all",
  },
  shared_features_90: {
    label: "Shared with other seeds (.9)",
    better: "higher",
    format: ".3f",
    definition: "The same with an absolute cosine of 0.9 or more.",
    split: "all",
  },
};
