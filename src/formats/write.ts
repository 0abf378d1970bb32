import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { transposed } from "./weights.ts";

type F32 = HostTensor<"float32">;
type Files = Readonly<Record<string, Uint8Array | string>>;

/** What an SAE computes, whichever architecture it is written as. */
interface Meaning {
  readonly activation: "topk" | "signed" | "jumprelu" | "relu" | "raw";
  readonly inputBias: boolean;
}

function meaningOf({ config: { architecture, options } }: Checkpoint): Meaning {
  const inputBias = architecture === "topk-relu" || options.inputBias === true;
  if (architecture === "pretrained-jumprelu") return { activation: "jumprelu", inputBias };
  if (architecture === "pretrained-relu") return { activation: "relu", inputBias };
  if (options.select === "magnitude") return { activation: options.relu ? "raw" : "signed", inputBias };
  const relu = architecture === "topk-relu" || options.relu === true;
  return { activation: relu ? "topk" : "raw", inputBias };
}

/** The parameters, a decoder bias of zeros where there is none. */
function weightsOf({ config, tensors }: Checkpoint) {
  const { W_enc, b_enc, W_dec, b_dec } = tensors as Readonly<Record<string, F32>>;
  const none = tensor("float32", [config.inputDim], new Float32Array(config.inputDim));
  return { W_enc: W_enc!, b_enc: b_enc!, W_dec: W_dec!, b_dec: b_dec ?? none };
}

/** `b_enc + W_enc b_dec`, summed in float64: what takes back that another library subtracts b_dec from the input. */
function foldedBias({ W_enc, b_enc, b_dec }: ReturnType<typeof weightsOf>): F32 {
  const width = b_dec.data.length;
  const data = b_enc.data.map((bias, row) => {
    let sum = bias;
    for (let i = 0; i < width; i++) sum += W_enc.data[row * width + i]! * b_dec.data[i]!;
    return sum;
  });
  return tensor("float32", b_enc.dims, data);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

/** Other libraries' formats, by name: the files of a checkpoint in each. `file` names it in errors. */
export const writers = {
  /** SAELens 6: topk, jumprelu, standard. It has no selection by magnitude. */
  saelens(checkpoint: Checkpoint, file: string): Files {
    const { activation, inputBias } = meaningOf(checkpoint);
    if (activation === "signed" || activation === "raw")
      throw new ConfigError(
        `${file}: SAELens has no type that keeps latents below zero or selects them by magnitude; export it as .onnx or with --format sparsify`,
      );
    const { W_enc, ...weights } = weightsOf(checkpoint);
    const { config, tensors } = checkpoint;
    const threshold = tensors.threshold ? { threshold: tensors.threshold } : {};
    const topk = activation === "topk" ? { k: config.options.k, rescale_acts_by_decoder_norm: false } : {};
    return {
      "cfg.json": json({
        architecture: activation === "relu" ? "standard" : activation,
        ...{ d_in: config.inputDim, d_sae: config.latentDim, dtype: "float32", device: "cpu" },
        ...{ apply_b_dec_to_input: inputBias, normalize_activations: "none", reshape_activations: "none" },
        ...topk,
        metadata: { sae_lens_version: "6.18.0" },
      }),
      "sae_weights.safetensors": writeSafetensors({ W_enc: transposed(W_enc), ...weights, ...threshold }),
    };
  },
  /** EleutherAI sparsify: top-k of ReLU(pre), or of |pre| with `signed: true`; it takes b_dec off the input always. */
  sparsify(checkpoint: Checkpoint, file: string): Files {
    const { activation, inputBias } = meaningOf(checkpoint);
    if (activation !== "topk" && activation !== "signed")
      throw new ConfigError(
        `${file}: sparsify has top-k of ReLU or of magnitude only, this is ${checkpoint.config.architecture}; export it as .onnx or with --format saelens`,
      );
    const { config } = checkpoint;
    const weights = weightsOf(checkpoint);
    const { W_enc, b_enc, W_dec, b_dec } = weights;
    return {
      "cfg.json": json({
        ...{ activation: "topk", expansion_factor: config.latentDim / config.inputDim, normalize_decoder: false },
        ...{ num_latents: config.latentDim, k: config.options.k, signed: activation === "signed" },
        ...{ multi_topk: false, d_in: config.inputDim },
      }),
      "sae.safetensors": writeSafetensors({
        "encoder.weight": W_enc,
        "encoder.bias": inputBias ? b_enc : foldedBias(weights),
        W_dec,
        b_dec,
      }),
    };
  },
} as const;
