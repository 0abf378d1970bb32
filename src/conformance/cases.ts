import type { ArchitectureName } from "../sae/index.ts";
import type { AnyOptionValues } from "../util/options.ts";

/** How an SAE computes, in words that its case carries; kit.ts says what each means. */
export interface Settings {
  readonly architecture: "relu" | "topk" | "jumprelu" | "gated" | "groupmax" | "matching_pursuit";
  readonly k?: number;
  /** Of topk: what the k largest are chosen by. */
  readonly select?: "value" | "magnitude";
  readonly subtract_b_dec: boolean;
  readonly normalise: "none" | "layer_norm" | "constant_norm" | "factor";
  /** What rows are multiplied by, with `normalise: "factor"`. */
  readonly factor?: number;
  /** Whether latents are multiplied by the length of their decoder row, and divided by it in decoding. */
  readonly rescale_by_decoder_norm: boolean;
  readonly transcoder: boolean;
}

/** A case: an SAE, and what goes wrong where it is read carelessly. */
export interface Case {
  readonly name: string;
  readonly trap: string;
  readonly settings: Settings;
  /** The architecture here that computes the same, and its options besides those that all have. */
  readonly ours: { readonly architecture: ArchitectureName; readonly options: AnyOptionValues };
  /** Default: 12, 24 and as wide as the input. */
  readonly dims?: { readonly input?: number; readonly latents?: number; readonly output?: number };
  readonly skip?: boolean;
  /** How weights are stored; what is computed with is these numbers in float32. Default: float32. */
  readonly dtype?: "float16" | "bfloat16";
  /**
   * Rows and weights that are not drawn at random: whole numbers, so that nothing is rounded and ties are ties; or an identity whose rows lie
   * between a threshold and its nearest bfloat16. Default: random.
   */
  readonly made?: "ties" | "thresholds" | "coarse-thresholds";
}

const of = (settings: Partial<Settings> & Pick<Settings, "architecture">): Settings => ({
  ...{ subtract_b_dec: false, normalise: "none", rescale_by_decoder_norm: false, transcoder: false },
  ...settings,
});
const k = 4;
const topk = (more: Partial<Settings> = {}) => ({
  settings: of({ architecture: "topk", k, select: "value", subtract_b_dec: true, ...more }),
  ours: {
    architecture: "pretrained-topk",
    options: more.select === "magnitude" ? { k, select: "magnitude", relu: false } : { k },
  } as const,
});
const jumprelu = (more: Partial<Settings> = {}) => ({
  settings: of({ architecture: "jumprelu", ...more }),
  ours: { architecture: "pretrained-jumprelu", options: {} } as const,
});
const relu = (more: Partial<Settings> = {}) => ({
  settings: of({ architecture: "relu", ...more }),
  ours: { architecture: "pretrained-relu", options: {} } as const,
});
const gated = (more: Partial<Settings> = {}) => ({
  settings: of({ architecture: "gated", subtract_b_dec: true, ...more }),
  ours: { architecture: "pretrained-gated", options: {} } as const,
});
const square = { input: 16, latents: 16 };
const wider = { output: 15 };

/** Every case of the kit. */
export const cases: readonly Case[] = [
  { name: "relu", trap: "b_dec is not taken off the input", ...relu() },
  { name: "relu-b-dec", trap: "b_dec is taken off the input", ...relu({ subtract_b_dec: true }) },
  { name: "relu-square", trap: "as many latents as dims: a transposed matrix still fits", ...relu(), dims: square },
  {
    name: "relu-factor",
    trap: "inputs times a number: it folds into W_enc, W_dec and b_dec",
    ...relu({ normalise: "factor", factor: 1.375, subtract_b_dec: true }),
  },
  { name: "topk", trap: "the k largest, then ReLU: fewer than k where fewer are above 0", ...topk() },
  { name: "topk-raw", trap: "top-k without b_dec on the input", ...topk({ subtract_b_dec: false }) },
  {
    name: "topk-rescale",
    trap: "chosen by activation times the length of the decoder row",
    ...topk({ rescale_by_decoder_norm: true }),
  },
  {
    name: "topk-layer-norm",
    trap: "standard deviation over n - 1, with 1e-5 added to it; undone in the reconstruction",
    ...topk({ normalise: "layer_norm" }),
  },
  { name: "topk-ties", trap: "equal values: only k are kept", ...topk({ subtract_b_dec: false }), made: "ties" },
  { name: "abstopk", trap: "the k of largest magnitude keep their sign", ...topk({ select: "magnitude" }) },
  {
    name: "abstopk-raw",
    trap: "by magnitude, without b_dec on the input",
    ...topk({ select: "magnitude", subtract_b_dec: false }),
  },
  {
    name: "abstopk-ties",
    trap: "equal magnitudes of either sign: only k are kept",
    ...topk({ select: "magnitude", subtract_b_dec: false }),
    made: "ties",
  },
  {
    name: "jumprelu",
    trap: "above its threshold a latent keeps its whole value; some thresholds are below 0",
    ...jumprelu(),
  },
  { name: "jumprelu-b-dec", trap: "JumpReLU with b_dec taken off the input", ...jumprelu({ subtract_b_dec: true }) },
  { name: "jumprelu-ties", trap: "a value equal to its threshold is not kept", ...jumprelu(), made: "ties" },
  {
    name: "jumprelu-threshold",
    trap: "a threshold in float32 stays in float32: rows lie between it and its bfloat16",
    ...jumprelu(),
    made: "thresholds",
    dims: { latents: 12 },
  },
  {
    name: "jumprelu-bfloat16",
    trap: "a threshold stored in bfloat16, compared in float32",
    ...jumprelu(),
    made: "coarse-thresholds",
    dims: { latents: 12 },
    dtype: "bfloat16",
  },
  { name: "jumprelu-layer-norm", trap: "JumpReLU of normalised rows", ...jumprelu({ normalise: "layer_norm" }) },
  {
    name: "batchtopk",
    trap: "one threshold for all latents; a row's latents do not depend on other rows",
    ...jumprelu({ subtract_b_dec: true }),
  },
  {
    name: "constant-norm",
    trap: "rows brought to the length sqrt(n), undone in the reconstruction",
    ...relu({ normalise: "constant_norm", subtract_b_dec: true }),
  },
  { name: "gated", trap: "magnitudes have exp(r_mag); gates and magnitudes have biases of their own", ...gated() },
  {
    name: "groupmax",
    trap: "the largest of each of k groups of neighbours, then ReLU",
    settings: of({ architecture: "groupmax", k, subtract_b_dec: true }),
    ours: { architecture: "pretrained-groupmax", options: { k } },
  },
  {
    name: "matching-pursuit",
    trap: "one latent a round, from what the rounds before left",
    settings: of({ architecture: "matching_pursuit", k, subtract_b_dec: true }),
    ours: { architecture: "pretrained-matching-pursuit", options: { rounds: k, untilRepeat: false, untilBelow: 0 } },
  },
  { name: "transcoder", trap: "b_dec is of the outputs, never taken off the input", ...relu({ transcoder: true }) },
  {
    name: "transcoder-wider",
    trap: "as many outputs as the targets have, not as the input",
    ...relu({ transcoder: true }),
    dims: wider,
  },
  {
    name: "skip-transcoder",
    trap: "W_skip times the input as it is",
    ...relu({ transcoder: true }),
    dims: wider,
    skip: true,
  },
  { name: "jumprelu-transcoder", trap: "a transcoder with thresholds", ...jumprelu({ transcoder: true }), dims: wider },
  { name: "topk-float16", trap: "weights in float16, computed in float32", ...topk(), dtype: "float16" },
  { name: "topk-bfloat16", trap: "weights in bfloat16, computed in float32", ...topk(), dtype: "bfloat16" },
];
