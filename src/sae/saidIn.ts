import type { Dims } from "./dims.ts";
import type { Normalisation } from "./normalise.ts";

/**
 * The words in which another library says what an SAE computes, for each that can. All of them keep latents above zero
 * only, but for `abstopk`. `inputBias`: whether b_dec is taken off the input.
 */
export interface SaidIn {
  /**
   * SAELens: the name and settings of its class; of a transcoder, that of its latents. `topk` keeps by value, `abstopk` by magnitude,
   * with the sign.
   */
  readonly saelens?: { readonly inputBias: boolean } & (
    | { readonly architecture: "topk" | "abstopk"; readonly k: number }
    | { readonly architecture: "standard" | "jumprelu" | "gated" }
    | {
        readonly architecture: "matching_pursuit";
        readonly rounds: number;
        readonly untilRepeat: boolean;
        readonly untilBelow: number;
      }
  );
  /** sparsify: it has top-k of ReLU, and the largest of each of k groups; `transcode`: a transcoder, whose input loses no bias. */
  readonly sparsify?: {
    readonly activation?: "topk" | "groupmax";
    readonly k: number;
    readonly inputBias: boolean;
    readonly transcode?: true;
  };
  /** dictionary_learning: what becomes of pre-activations in its classes; `topk` is of ReLU. */
  readonly "dictionary-learning"?: { readonly inputBias: boolean } & (
    | { readonly latents: "topk"; readonly k: number }
    | { readonly latents: "standard" | "jumprelu" | "gated" }
  );
}

/** How rows are brought to one scale before they are encoded; only SAELens can say another than none. */
interface Scaled {
  readonly normalise?: Normalisation;
}

/** What decides in which words a selection of `k` latents can be said. */
interface Selection extends Scaled {
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
export function topKSaidIn({ k, select, relu, inputBias, normalise = "none" }: Selection, dims: Dims): SaidIn {
  const isRelu = select === "value" && relu;
  if (dims.outputDim !== undefined) return isRelu && normalise === "none" ? asTranscoder({ k }, dims) : {};
  if (isRelu)
    return {
      saelens: { architecture: "topk", k, inputBias },
      ...(normalise === "none"
        ? { sparsify: { k, inputBias }, "dictionary-learning": { latents: "topk", k, inputBias } }
        : {}),
    };
  if (select === "magnitude" && !relu) return { saelens: { architecture: "abstopk", k, inputBias } };
  return {};
}

/** The largest of each of k groups, with a ReLU: sparsify's only. */
export function groupMaxSaidIn(
  { k, inputBias, normalise = "none" }: Scaled & { readonly k: number; readonly inputBias: boolean },
  dims: Dims,
): SaidIn {
  if (normalise !== "none") return {};
  if (dims.outputDim !== undefined) return asTranscoder({ activation: "groupmax", k }, dims);
  return { sparsify: { activation: "groupmax", k, inputBias } };
}

const asTranscoder = (
  words: { readonly activation?: "groupmax"; readonly k: number },
  { inputDim, outputDim }: Dims,
): SaidIn => (outputDim === inputDim ? { sparsify: { ...words, inputBias: false, transcode: true } } : {});

/** Latents that decide for themselves, each by ReLU, a threshold or a gate. SAELens has transcoders of the first two. */
export const relusSaidIn =
  (latents: "standard" | "jumprelu" | "gated") =>
  ({ inputBias, normalise = "none" }: Scaled & { readonly inputBias: boolean }, { outputDim }: Dims): SaidIn => {
    if (outputDim !== undefined && latents === "gated") return {};
    return {
      saelens: { architecture: latents, inputBias: inputBias && outputDim === undefined },
      ...(outputDim === undefined && normalise === "none" ? { "dictionary-learning": { latents, inputBias } } : {}),
    };
  };
