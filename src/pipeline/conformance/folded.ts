import { rowLengths, scaled, scaledRows } from "../../formats/weights.ts";
import type { ArchitectureName } from "../../sae/index.ts";
import { type SaeSpec, saeSpec } from "../../sae/spec.ts";
import type { AnyOptionValues } from "../../util/options.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import type { Words } from "./words.ts";

export type Tensors = Readonly<Record<string, HostTensor<"float32">>>;

/** An SAE of the kit as this project computes it. */
interface Computed {
  readonly spec: SaeSpec;
  readonly tensors: Tensors;
}

/** Architecture and options for each activation. */
const kinds: Record<Words["activation"], (k: number) => readonly [ArchitectureName, AnyOptionValues]> = {
  relu: () => ["pretrained-relu", {}],
  topk: (k) => ["pretrained-topk", { k }],
  abstopk: (k) => ["pretrained-topk", { k, select: "magnitude", relu: false }],
  jumprelu: () => ["pretrained-jumprelu", {}],
  batchtopk: () => ["pretrained-jumprelu", {}],
  gated: () => ["pretrained-gated", {}],
  groupmax: (k) => ["pretrained-groupmax", { k }],
  matching_pursuit: (k) => ["pretrained-matching-pursuit", { rounds: k }],
};

const normalisations = { none: "none", layer_norm: "layer-norm", constant_norm: "constant-norm" } as const;

/** The SAE of the words, with everything that this project has no option for folded into its weights. */
export function folded(words: Words, given: Tensors): Computed {
  const [architecture, own] = kinds[words.activation](words.k ?? 0);
  const { W_enc, W_dec } = given;
  const [latentDim = 0, outputDim = 0] = W_dec!.dims;
  const inputDim = (W_enc ?? W_dec)!.dims[1]!;
  const options = { ...own, inputBias: words.subtract_b_dec, normalise: normalisations[words.normalise] };
  const bare = saeSpec({ architecture, preset: "saelens", options, inputDim, latentDim });
  const spec: SaeSpec = {
    ...bare,
    ...(words.transcoder ? { outputDim } : {}),
    ...(words.skip ? { skip: true } : {}),
  };
  return { spec, tensors: withNorms(words, withInputs(words, given)) };
}

/** f (x - mean) into the encoder, and its inverse into the decoder. */
function withInputs({ input_factor: factor, centred, subtract_b_dec }: Words, { mean, ...given }: Tensors): Tensors {
  if (factor === 1 && !centred) return given;
  const { W_enc, b_enc, W_dec, b_dec } = given as { [name in "W_enc" | "b_enc" | "W_dec" | "b_dec"]: F32 };
  const width = W_enc.dims[1]!;
  const centre = mean?.data ?? new Float32Array(width);
  const seen = scaled(W_enc, factor);
  const biases = b_enc.data.map((bias, latent) => {
    if (subtract_b_dec) return bias;
    let sum = bias;
    for (let i = 0; i < width; i++) sum -= factor * W_enc.data[latent * width + i]! * centre[i]!;
    return sum;
  });
  const shift = b_dec.data.map((one, i) => one / factor + centre[i]!);
  return {
    ...{ ...given, W_enc: seen, b_enc: tensor("float32", b_enc.dims, biases) },
    ...{ W_dec: scaled(W_dec, 1 / factor), b_dec: tensor("float32", b_dec.dims, shift) },
  };
}

type F32 = HostTensor<"float32">;

/** Lengths of decoder rows: into pre-activations, or into the thresholds. */
function withNorms({ decoder_norm: how }: Words, given: Tensors): Tensors {
  if (how === "none") return given;
  const lengths = rowLengths(given.W_dec!);
  const inverse = lengths.map((length) => 1 / length);
  if (how === "threshold") return { ...given, threshold: scaledRows(given.threshold!, inverse) };
  return {
    ...{ ...given, W_enc: scaledRows(given.W_enc!, lengths), b_enc: scaledRows(given.b_enc!, lengths) },
    W_dec: scaledRows(given.W_dec!, inverse),
  };
}
