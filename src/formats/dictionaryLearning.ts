import { z } from "zod";
import { originOf } from "../checkpoint/origin.ts";
import { readPt } from "../data/pt.ts";
import { writePt } from "../data/ptWrite.ts";
import { type StoredArray, toTensor } from "../data/stored.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { Pretrained, SourceFiles, WrittenFormat } from "./format.ts";
import { jsonText, readJson } from "./json.ts";
import { listed } from "./listed.ts";
import { stateDict } from "./ptFile.ts";
import { exactly, filled, foldedBias, rowLengths, scaledRows, transposed, unfoldedBias, weightsOf } from "./weights.ts";
import { wordsFor } from "./words.ts";

type F32 = HostTensor<"float32">;
type Read = Pick<Pretrained, "architecture" | "options" | "tensors"> & { readonly notes?: readonly string[] };

/** Settings of its trainers that say how, on what and where it was trained: nothing of how latents are computed. */
const ofTraining = [
  ...["trainer_class", "lr", "steps", "seed", "device", "wandb_name", "warmup_steps", "decay_start", "resample_steps"],
  ...["l1_penalty", "l1_warmup_steps", "sparsity_penalty", "sparsity_function", "sparsity_warmup_steps", "target_l0"],
  ...["bandwidth", "p_start", "p_end", "anneal_start", "sparsity_queue_length", "n_sparsity_updates", "auxk_alpha"],
  ...["top_k_aux", "threshold_beta", "threshold_start_step", "group_fractions", "group_weights", "k_anneal_steps"],
] as const;

const trainer = z.strictObject({
  ...(Object.fromEntries(ofTraining.map((name) => [name, z.unknown().optional()])) as Record<
    (typeof ofTraining)[number],
    z.ZodOptional<z.ZodUnknown>
  >),
  dict_class: z.string(),
  activation_dim: z.int().positive(),
  dict_size: z.int().positive(),
  k: z.int().positive().optional(),
  group_sizes: z.array(z.int().positive()).optional(),
  layer: z.unknown().optional(),
  lm_name: z.unknown().optional(),
  submodule_name: z.unknown().optional(),
});
const schema = z.strictObject({ trainer, buffer: z.unknown().optional() });

const linear = ["encoder.weight", "encoder.bias", "decoder.weight"] as const;
const counts = ["k", "threshold"] as const;

/** One number of a tensor without dims. @throws {ConfigError} when it is none. */
function numberIn(tensors: ReadonlyMap<string, StoredArray>, name: string, file: string): number | undefined {
  const stored = tensors.get(name);
  if (!stored) return undefined;
  const { dims, data } = toTensor(stored);
  const value = Number(data[0]);
  if (dims.reduce((a, b) => a * b, 1) !== 1 || !Number.isFinite(value))
    throw new ConfigError(`${file}: tensor "${name}" is [${dims.join(", ")}], need one number`);
  return value;
}

interface Stored {
  readonly tensors: ReadonlyMap<string, StoredArray>;
  readonly file: string;
  readonly k: number | undefined;
}

/** Its classes, each as what it computes here. */
const classes: Readonly<Record<string, (stored: Stored) => Read>> = {
  AutoEncoder({ tensors, file }) {
    const found = exactly(tensors, [...linear, "bias"], file);
    return unitRows(linearOf(found, found.bias), true);
  },
  AutoEncoderNew({ tensors, file }) {
    const found = exactly(tensors, [...linear, "decoder.bias"], file);
    return { architecture: "pretrained-relu", options: {}, tensors: linearOf(found, found["decoder.bias"]) };
  },
  GatedAutoEncoder({ tensors, file }) {
    const names = ["encoder.weight", "decoder.weight", "decoder_bias", "r_mag", "gate_bias", "mag_bias"] as const;
    const found = exactly(tensors, names, file);
    const { gate_bias: b_gate, mag_bias: b_mag, r_mag, decoder_bias: b_dec } = found;
    const W_enc = found["encoder.weight"];
    return {
      architecture: "pretrained-gated",
      options: { inputBias: true },
      tensors: { W_enc, b_gate, b_mag, r_mag, W_dec: transposed(found["decoder.weight"]), b_dec },
    };
  },
  JumpReluAutoEncoder({ tensors, file }) {
    const found = exactly(tensors, ["W_enc", "b_enc", "W_dec", "b_dec", "threshold"], file);
    return { architecture: "pretrained-jumprelu", options: {}, tensors: { ...found, W_enc: transposed(found.W_enc) } };
  },
  AutoEncoderTopK({ tensors, file, k }) {
    const bias = tensors.has("b_dec") ? "b_dec" : "bias";
    const found = exactly(tensors, [...linear, bias], file, counts);
    return {
      architecture: "pretrained-topk",
      options: { k: k!, inputBias: true },
      tensors: linearOf(found, found[bias]),
    };
  },
  BatchTopKSAE({ tensors, file }) {
    const found = exactly(tensors, [...linear, "b_dec"], file, counts);
    return thresholded(linearOf(found, found.b_dec), numberIn(tensors, "threshold", file), file);
  },
  MatryoshkaBatchTopKSAE({ tensors, file }) {
    const found = exactly(tensors, ["W_enc", "b_enc", "W_dec", "b_dec"], file, [...counts, "group_sizes"]);
    return thresholded({ ...found, W_enc: transposed(found.W_enc) }, numberIn(tensors, "threshold", file), file);
  },
};

const linearOf = (found: Readonly<Record<(typeof linear)[number], F32>>, b_dec: F32) => ({
  W_enc: found["encoder.weight"],
  b_enc: found["encoder.bias"],
  W_dec: transposed(found["decoder.weight"]),
  b_dec,
});

/** Decoder rows of unit length, their lengths in the encoder: what its `from_pretrained` makes of one whose rows are not (within 1e-5). */
function unitRows(tensors: ReturnType<typeof linearOf>, inputBias: boolean): Read {
  const lengths = rowLengths(tensors.W_dec);
  const read = { architecture: "pretrained-relu", options: { inputBias } } as const;
  if (lengths.every((length) => Math.abs(length - 1) <= 1e-5) || lengths.includes(0)) return { ...read, tensors };
  return {
    ...read,
    tensors: {
      ...tensors,
      W_enc: scaledRows(tensors.W_enc, lengths),
      b_enc: scaledRows(tensors.b_enc, lengths),
      W_dec: scaledRows(
        tensors.W_dec,
        lengths.map((length) => 1 / length),
      ),
    },
    notes: ["decoder rows have unit length now, and latents their lengths, as its from_pretrained does it"],
  };
}

function thresholded(tensors: ReturnType<typeof linearOf>, threshold: number | undefined, file: string): Read {
  if (threshold === undefined)
    throw new ConfigError(`${file}: tensor "threshold" is missing; without it latents depend on the batch`);
  return {
    architecture: "pretrained-jumprelu",
    options: { inputBias: true },
    tensors: { ...tensors, threshold: filled(tensors.b_enc.data.length, threshold) },
    notes:
      threshold < 0
        ? [`its threshold is ${threshold}, it was not trained for long enough to set one: every latent above 0 is kept`]
        : [`keeps k of a batch while it trains; what is above its threshold ${threshold} is kept now`],
  };
}

/** dictionary_learning: ae.pt, a bare state dict, and config.json, which names its class. */
export const dictionaryLearning: WrittenFormat = {
  describe: "dictionary_learning folders (ae.pt, config.json)",
  needs: ["ae.pt"],
  mayHave: ["config.json"],
  read(source) {
    const { path } = source;
    if (!source.files.has("config.json"))
      throw new ConfigError(
        `${path}: config.json is missing, which names the class: TopK and BatchTopK have the same tensors; put it beside ae.pt`,
      );
    const cfg = readJson(source, "config.json", schema).trainer;
    const file = `${path}/ae.pt`;
    const where = `${path}/config.json`;
    const make = Object.hasOwn(classes, cfg.dict_class) ? classes[cfg.dict_class] : undefined;
    if (!make)
      throw new ConfigError(
        `${where}: trainer.dict_class is ${JSON.stringify(cfg.dict_class)}: not supported here, only ${Object.keys(classes).join(" or ")}`,
      );
    const tensors = tensorsIn(source, file);
    const k = numberIn(tensors, "k", file) ?? cfg.k;
    if (cfg.k !== undefined && k !== cfg.k) throw new ConfigError(`${where}: trainer.k is ${cfg.k}, ae.pt has k ${k}`);
    if (cfg.dict_class === "AutoEncoderTopK" && k === undefined)
      throw new ConfigError(`${where}: trainer.k is missing`);
    const groups = tensors.get("group_sizes");
    if (groups && cfg.group_sizes && Array.from(toTensor(groups).data, Number).join() !== cfg.group_sizes.join())
      throw new ConfigError(`${where}: trainer.group_sizes is not that of ae.pt; which of the two is right?`);
    const { notes = [], ...read } = make({ tensors, file, k });
    const [latents, width] = read.tensors.W_enc!.dims;
    if (cfg.activation_dim !== width || cfg.dict_size !== latents)
      throw new ConfigError(
        `${where}: says activation_dim ${cfg.activation_dim} and dict_size ${cfg.dict_size}, the encoder is [${latents}, ${width}]`,
      );
    const layer = Number.isSafeInteger(cfg.layer) ? (cfg.layer as number) : null;
    const training = ofTraining.filter((name) => cfg[name] !== undefined && name !== "trainer_class");
    return {
      ...read,
      source: "dictionary-learning",
      layer,
      position: null,
      origin: originOf({ model: cfg.lm_name, hook: cfg.submodule_name, layer }),
      notes: [
        ...(training.length > 0 ? [`only says how it was trained, left out: ${listed(training)}`] : []),
        ...notes,
      ],
    };
  },
  write(checkpoint, file) {
    const words = wordsFor(
      "dictionary-learning",
      checkpoint,
      file,
      "dictionary_learning has top-k by value with a ReLU, JumpReLU, ReLU and gates",
    );
    const { inputDim, latentDim } = checkpoint.config;
    const own = weightsOf(checkpoint);
    const { dict_class, tensors } = written[words.latents](own, words.inputBias);
    const k = "k" in words ? words.k : undefined;
    return {
      "ae.pt": writePt({
        ...(k === undefined
          ? {}
          : { k: tensor("int32", [], Int32Array.of(k)), threshold: tensor("float32", [], Float32Array.of(-1)) }),
        ...tensors,
      }),
      "config.json": jsonText({
        trainer: {
          ...{ dict_class, activation_dim: inputDim, dict_size: latentDim },
          ...(k === undefined ? {} : { k }),
          layer: checkpoint.layer ?? checkpoint.origin?.layer,
          lm_name: checkpoint.origin?.model,
          submodule_name: checkpoint.origin?.hook,
        },
        buffer: {},
      }),
    };
  },
};

type Own = ReturnType<typeof weightsOf>;

/** Its classes for each kind of latents. AutoEncoder would be given unit rows when loaded, AutoEncoderNew is left as it is. */
const written: Readonly<
  Record<
    "topk" | "standard" | "jumprelu" | "gated",
    (own: Own, inputBias: boolean) => { dict_class: string; tensors: Record<string, F32> }
  >
> = {
  topk: (own, inputBias) => ({
    dict_class: "AutoEncoderTopK",
    tensors: { ...asLinear(own), "encoder.bias": inputBias ? own.b_enc : foldedBias(own), b_dec: own.b_dec },
  }),
  standard: (own, inputBias) => ({
    dict_class: "AutoEncoderNew",
    tensors: { ...asLinear(own), "encoder.bias": inputBias ? unfoldedBias(own) : own.b_enc, "decoder.bias": own.b_dec },
  }),
  jumprelu: (own, inputBias) => ({
    dict_class: "JumpReluAutoEncoder",
    tensors: {
      ...{ W_enc: transposed(own.W_enc), b_enc: inputBias ? unfoldedBias(own) : own.b_enc, W_dec: own.W_dec },
      b_dec: own.b_dec,
      threshold:
        own.threshold!.dims.length > 0 ? own.threshold! : filled(own.b_enc.data.length, own.threshold!.data[0]!),
    },
  }),
  gated: (own, inputBias) => {
    const gate_bias = inputBias ? own.b_gate! : foldedBias({ ...own, b_enc: own.b_gate! });
    const mag_bias = inputBias
      ? own.b_mag!
      : foldedBias({ ...own, W_enc: scaledRows(own.W_enc, own.r_mag!.data.map(Math.exp)), b_enc: own.b_mag! });
    const { "encoder.weight": encoder, "decoder.weight": decoder } = asLinear(own);
    return {
      dict_class: "GatedAutoEncoder",
      tensors: {
        "encoder.weight": encoder,
        "decoder.weight": decoder,
        decoder_bias: own.b_dec,
        r_mag: own.r_mag!,
        gate_bias,
        mag_bias,
      },
    };
  },
};

const asLinear = ({ W_enc, W_dec }: Own) => ({ "encoder.weight": W_enc, "decoder.weight": transposed(W_dec) });

/** The tensors of ae.pt; of a backup of a training in progress, those of its `ae`. */
function tensorsIn({ files }: SourceFiles, file: string): ReadonlyMap<string, StoredArray> {
  const top = readPt(files.get("ae.pt")!, file);
  const isBackup = top instanceof Map && top.get("ae") instanceof Map;
  const factor = isBackup ? (top.get("norm_factor") ?? 1) : 1;
  // Only the end of a training folds it into biases.
  if (factor !== 1)
    throw new ConfigError(
      `${file}: is a backup of a training whose inputs were divided by norm_factor ${String(factor)}, not in the biases yet; take ae.pt of its end`,
    );
  return stateDict(isBackup ? top.get("ae") : top, file, "dictionary");
}
