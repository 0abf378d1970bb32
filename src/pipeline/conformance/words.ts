/** What an SAE of the kit computes, in words of its own: no library's. The kit's README.md defines each. */
export interface Words {
  readonly activation:
    | "relu"
    | "topk"
    | "abstopk"
    | "jumprelu"
    | "batchtopk"
    | "gated"
    | "groupmax"
    | "matching_pursuit";
  /** Latents kept a row, groups, or rounds; of `batchtopk` what it was trained with. */
  readonly k: number | null;
  readonly subtract_b_dec: boolean;
  readonly decoder_norm: "none" | "rescale" | "threshold";
  readonly normalise: "none" | "layer_norm" | "constant_norm";
  readonly input_factor: number;
  readonly centred: boolean;
  readonly transcoder: boolean;
  readonly skip: boolean;
}

/** What a case says where it says nothing else. */
export const plainWords: Omit<Words, "activation"> = {
  ...{ k: null, subtract_b_dec: false, decoder_norm: "none", normalise: "none" },
  ...{ input_factor: 1, centred: false, transcoder: false, skip: false },
};
