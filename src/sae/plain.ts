import type { HostTensor } from "../util/tensor.ts";

/** Parameters and state of an SAE, by name. */
export type PlainTensors = Readonly<Record<string, HostTensor<"float32"> | undefined>>;

/**
 * A frozen encoder in words of one row and one latent, in float64 numbers: written beside the graph's `encode`, sharing nothing with it.
 * Either `keeps` of the largest scores, or each latent by its own `gate`.
 */
export type Plain = {
  /** Whether b_dec is taken off the input first. */
  readonly inputBias: boolean;
  /** What a kept latent is, from its pre-activation `W_enc x + b_enc`. */
  readonly value: (pre: number, latent: number, tensors: PlainTensors) => number;
} & (
  | {
      /** How many latents of a row are kept, and what they are chosen by. */
      readonly keeps: number;
      readonly score: (pre: number) => number;
    }
  | {
      /** A latent is kept above this, which is 0 or more. */
      readonly gate: (latent: number, tensors: PlainTensors) => number;
    }
);
