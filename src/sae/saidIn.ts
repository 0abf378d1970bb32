import type { Dims } from "./dims.ts";

/**
 * The words in which another library says what an SAE computes, for each that can. All of them keep latents above zero
 * only, but for `abstopk`. `inputBias`: whether b_dec is taken off the input.
 */
export interface SaidIn {
  /** SAELens: the name and settings of its class. `topk` keeps by value, `abstopk` by magnitude, with the sign. */
  readonly saelens?:
    | { readonly architecture: "topk" | "abstopk"; readonly k: number; readonly inputBias: boolean }
    | { readonly architecture: "standard" | "jumprelu" | "gated"; readonly inputBias: boolean };
  /** sparsify: it has top-k of ReLU, and the largest of each of k groups; `transcode`: a transcoder, whose input loses no bias. */
  readonly sparsify?: {
    readonly activation?: "topk" | "groupmax";
    readonly k: number;
    readonly inputBias: boolean;
    readonly transcode?: true;
  };
}

/** What decides in which words a selection of `k` latents can be said. */
interface Selection {
  readonly k: number;
  readonly select: "magnitude" | "value";
  /** Whether kept values below zero become zero. */
  readonly relu: boolean;
  readonly inputBias: boolean;
}

/**
 * Top-k by value with a ReLU, or by magnitude with the sign. Nobody else has the other two. Of transcoders sparsify has those by value with
 * a ReLU, to targets as wide as their input.
 */
export function topKSaidIn({ k, select, relu, inputBias }: Selection, { inputDim, outputDim }: Dims): SaidIn {
  if (outputDim !== undefined)
    return select === "value" && relu && outputDim === inputDim
      ? { sparsify: { k, inputBias: false, transcode: true } }
      : {};
  if (select === "value" && relu)
    return { saelens: { architecture: "topk", k, inputBias }, sparsify: { k, inputBias } };
  if (select === "magnitude" && !relu) return { saelens: { architecture: "abstopk", k, inputBias } };
  return {};
}
