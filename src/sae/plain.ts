import type { HostTensor } from "../util/tensor.ts";
import type { Normalisation } from "./normalise.ts";

/** Parameters and state of an SAE, by name. */
export type PlainTensors = Readonly<Record<string, HostTensor<"float32"> | undefined>>;

/** How latents follow from pre-activations `W_enc x + b_enc`: by the largest scores of a row, or each latent by its own gate. */
type FromPreActivations = {
  /** The name of the bias; default b_enc. */
  readonly bias?: string;
  /** What a kept latent is. */
  readonly value: (pre: number, latent: number, tensors: PlainTensors) => number;
} & (
  | {
      /** How many latents of a row are kept, and what they are chosen by. */
      readonly keeps: number;
      readonly score: (pre: number) => number;
    }
  | {
      /** Latents in so many groups of equal size, one after the other; of each the largest is kept. */
      readonly groups: number;
      readonly score: (pre: number) => number;
    }
  | {
      /** A latent is kept above this, which is 0 or more. */
      readonly gate: (latent: number, tensors: PlainTensors) => number;
      /** Whether it jumps there, not grows from 0. Default: where the gate is above 0. */
      readonly jumps?: (latent: number, tensors: PlainTensors) => boolean;
    }
);

/** How latents follow from what is left of the input: so often the decoder row with the largest product with it is taken off. */
interface Pursuit {
  readonly pursues: number;
  /** A row is done once a round takes no latent that it did not have. Default: no. */
  readonly untilRepeat?: boolean;
  /** A row is done once what is left of it is shorter than this; 0, the default: never. */
  readonly untilBelow?: number;
}

/** A frozen encoder in words of one row and one latent, in float64 numbers: written beside the graph's `encode`, sharing nothing with it. */
export type Plain = {
  /** What is done to every row first, and undone in its reconstruction. Default: nothing. */
  readonly normalise?: Normalisation;
  /** Whether b_dec is taken off the input first. */
  readonly inputBias: boolean;
} & (FromPreActivations | Pursuit);
