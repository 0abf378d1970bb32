import { readSafetensors, writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { WrittenFormat } from "./format.ts";
import { jsonText } from "./json.ts";
import { listed } from "./listed.ts";
import { type Config, normalisationKeys, originKeys, saelensConfig } from "./saelensConfig.ts";
import type { Kind } from "./saelensKinds.ts";
import { foldFactor, foldWhitening, outsideOf, scalerFiles } from "./saelensScaler.ts";
import { exactly, filled, rowLengths, scaledRows, transposed, weightsOf } from "./weights.ts";
import { wordsFor } from "./words.ts";

type F32 = HostTensor<"float32">;

/** The version whose files are written. */
const written = "6.54.0";

/** SAELens: every class that encodes rows, as saved for inference or as a checkpoint of a training, of version 6 or later and before. */
export const saelens: WrittenFormat = {
  describe: "SAELens folders (cfg.json, sae_weights.safetensors)",
  needs: ["cfg.json", "sae_weights.safetensors"],
  mayHave: scalerFiles,
  takesFactor: true,
  read(source) {
    const cfg = saelensConfig(source);
    const outside = outsideOf(source, cfg);
    const file = `${source.path}/sae_weights.safetensors`;
    const { tensors } = readSafetensors(source.files.get("sae_weights.safetensors")!, file);
    const where = `${source.path}/cfg.json`;
    const own = tensorsOf(cfg.kind, tensors);
    // Before version 6 a factor for each latent could stand beside, all ones where it was not trained.
    const wanted = cfg.scaled || tensors.has("scaling_factor") ? [...own, "scaling_factor"] : own;
    const { scaling_factor, ...found } = exactly(tensors, wanted, file) as Readonly<Record<string, F32>>;
    const { W_enc, W_dec } = found;
    const stored = (W_enc?.dims ?? W_dec!.dims.toReversed()).join(", ");
    if (stored !== `${cfg.d_in}, ${cfg.d_sae}`)
      throw new ConfigError(
        `${where}: says d_in ${cfg.d_in} and d_sae ${cfg.d_sae}, ${W_enc ? "W_enc" : "W_dec, the other way round,"} is [${stored}]`,
      );
    if (cfg.d_out !== undefined && W_dec!.dims[1] !== cfg.d_out)
      throw new ConfigError(`${where}: says d_out ${cfg.d_out}, W_dec is [${W_dec!.dims.join(", ")}]`);
    if (W_dec!.dims.join(", ") !== `${cfg.d_sae}, ${cfg.d_out ?? cfg.d_in}`)
      throw new ConfigError(
        `${file}: W_dec is [${W_dec!.dims.join(", ")}], need [${cfg.d_sae}, ${cfg.d_out ?? cfg.d_in}]`,
      );
    if (scaling_factor && !cfg.scaled && scaling_factor.data.some((factor) => factor !== 1))
      throw new ConfigError(
        `${file}: "scaling_factor" is not all ones, and cfg.json says finetuning_scaling_factor false; which of the two is right?`,
      );
    if (scaling_factor && scaling_factor.dims.join() !== String(cfg.d_sae))
      throw new ConfigError(`${file}: scaling_factor is [${scaling_factor.dims.join(", ")}], need [${cfg.d_sae}]`);
    const ours = {
      ...found,
      ...(W_enc ? { W_enc: transposed(W_enc) } : {}),
      ...(scaling_factor ? { W_dec: scaledRows(W_dec!, scaling_factor.data) } : {}),
    };
    const layer = cfg.origin?.layer;
    return {
      ...meaning(cfg, outside.factor),
      source: "saelens",
      tensors: folded(ours, cfg, outside, source.path),
      ...(cfg.d_out === undefined ? {} : { outputDim: cfg.d_out, skip: cfg.kind.skips }),
      layer: Number.isSafeInteger(layer) ? (layer as number) : null,
      position: null,
      origin: cfg.origin,
      notes: [
        ...(cfg.training.length > 0 ? [`only says how it was trained, left out: ${listed(cfg.training)}`] : []),
        ...(cfg.kind.training
          ? [`${cfg.architecture} keeps k of a batch while it trains; what is above its running threshold is kept now`]
          : []),
        ...(outside.factor === 1 ? [] : [`what inputs were multiplied by, ${outside.factor}, is in the weights now`]),
        ...(outside.whitening ? ["the whitening of its inputs is in the weights now"] : []),
      ],
    };
  },
  write(checkpoint, file) {
    const { inputBias, architecture, ...words } = wordsFor(
      "saelens",
      checkpoint,
      file,
      "SAELens has top-k by value with a ReLU, top-k by magnitude with the sign, JumpReLU, ReLU, gates and matching pursuit",
    );
    const { inputDim, latentDim, outputDim, skip, options } = checkpoint.config;
    const { W_enc, b_enc, W_dec, b_dec, threshold, b_gate, r_mag, b_mag, W_skip } = weightsOf(checkpoint);
    const origin = Object.entries(originKeys).map(([key, theirs]) => [theirs, checkpoint.origin?.[key]]);
    const own = Object.entries(normalisationKeys).find(([, ours]) => ours === (options.normalise ?? "none"))![0];
    return {
      "cfg.json": jsonText({
        architecture: outputDim === undefined ? architecture : transcoderNames[`${architecture} ${skip}`],
        ...{ d_in: inputDim, d_sae: latentDim, ...(outputDim === undefined ? {} : { d_out: outputDim }) },
        ...{ dtype: "float32", device: "cpu", apply_b_dec_to_input: inputBias },
        ...{ normalize_activations: own, reshape_activations: "none" },
        ...("k" in words ? { k: words.k, rescale_acts_by_decoder_norm: false } : {}),
        ...("rounds" in words
          ? {
              residual_threshold: words.untilBelow,
              max_iterations: words.rounds,
              stop_on_duplicate_support: words.untilRepeat,
            }
          : {}),
        metadata: { sae_lens_version: written, ...Object.fromEntries(origin) },
      }),
      "sae_weights.safetensors": writeSafetensors({
        ...(architecture === "matching_pursuit" ? {} : { W_enc: transposed(W_enc) }),
        ...{ W_dec, b_dec },
        ...(architecture === "gated" ? { b_gate: b_gate!, r_mag: r_mag!, b_mag: b_mag! } : {}),
        ...(architecture === "gated" || architecture === "matching_pursuit" ? {} : { b_enc }),
        ...(threshold ? { threshold: perLatent(threshold, latentDim) } : {}),
        ...(W_skip ? { W_skip } : {}),
      }),
    };
  },
};

/** Its transcoders, by the name of their latents and whether they skip. */
const transcoderNames: Readonly<Record<string, string>> = {
  "standard false": "transcoder",
  "standard true": "skip_transcoder",
  "jumprelu false": "jumprelu_transcoder",
  "jumprelu true": "jumprelu_skip_transcoder",
};

/** A threshold for each latent; one for all is repeated. */
const perLatent = (threshold: F32, latentDim: number): F32 =>
  threshold.dims.length > 0 ? threshold : filled(latentDim, threshold.data[0]!);

/** The tensors of a class; a threshold may be stored as its logarithm. */
function tensorsOf({ latents, skips, training }: Kind, stored: { has(name: string): boolean }): string[] {
  if (latents === "pursuit") return ["W_dec", "b_dec"];
  const threshold = training ? "topk_threshold" : stored.has("log_threshold") ? "log_threshold" : "threshold";
  return [
    ...["W_enc", "W_dec", "b_dec"],
    ...(latents === "gated" ? ["b_gate", "r_mag", "b_mag"] : ["b_enc"]),
    ...(latents === "jumprelu" ? [threshold] : []),
    ...(skips ? ["W_skip"] : []),
  ];
}

/** The architecture here that computes the same, and its options. */
function meaning({ kind, k, inputBias, normalise, pursuit }: Config, factor: number) {
  const shared = { inputBias, normalise };
  switch (kind.latents) {
    case "topk":
      return { architecture: "pretrained-topk", options: { k: k!, ...shared } } as const;
    case "abstopk":
      return {
        architecture: "pretrained-topk",
        options: { k: k!, select: "magnitude", relu: false, ...shared },
      } as const;
    case "jumprelu":
      return { architecture: "pretrained-jumprelu", options: shared } as const;
    case "relu":
      return { architecture: "pretrained-relu", options: shared } as const;
    case "gated":
      return { architecture: "pretrained-gated", options: shared } as const;
    case "pursuit":
      return {
        architecture: "pretrained-matching-pursuit",
        options: { ...pursuit, untilBelow: pursuit.untilBelow / factor, ...shared },
      } as const;
  }
}

/** @throws {ConfigError} for a vector of another length than the sizes say: matrices are checked already. */
function checkShapes(weights: Readonly<Record<string, F32>>, { d_sae, d_in, d_out = d_in }: Config, path: string) {
  const perLatent = ["b_enc", "b_gate", "r_mag", "b_mag", "threshold", "log_threshold"].map(
    (name): [string, number] => [name, d_sae],
  );
  for (const [name, size] of [...perLatent, ["b_dec", d_out]] as [string, number][]) {
    const dims = weights[name]?.dims;
    if (dims && dims.join() !== String(size))
      throw new ConfigError(`${path}: ${name} is [${dims.join(", ")}], W_enc makes it [${size}]`);
  }
  const one = weights.topk_threshold;
  if (one && one.data.length !== 1)
    throw new ConfigError(`${path}: topk_threshold is [${one.dims.join(", ")}], need one number`);
}

/** Weights with all that stood beside them folded in, in the order in which SAELens ends a training. */
function folded(
  weights: Readonly<Record<string, F32>>,
  cfg: Config,
  outside: ReturnType<typeof outsideOf>,
  path: string,
) {
  checkShapes(weights, cfg, path);
  if (outside.whitening && cfg.kind.latents === "pursuit")
    throw new ConfigError(
      `${path}: matching_pursuit with covariance_whitening: its one matrix cannot take it in; SAELens refuses it too`,
    );
  const factored = foldFactor(weights, outside.factor, cfg.rescale);
  const lengthened = cfg.rescale ? rescaled(factored, cfg.kind.training, path) : factored;
  const { topk_threshold, log_threshold, ...rest } = foldWhitening(lengthened, outside, cfg.inputBias) as Record<
    string,
    F32
  >;
  if (topk_threshold) return { ...rest, threshold: filled(cfg.d_sae, topk_threshold.data[0]!) };
  if (!log_threshold) return rest;
  return { ...rest, threshold: tensor("float32", log_threshold.dims, log_threshold.data.map(Math.exp)) };
}

/** The least length of a decoder row in training. */
const shortest = 1e-8;

/** Latents times the length of their decoder row, decoder rows divided by it: `TopK(pre ||d||)` then `sum a d / ||d||`. */
function rescaled(
  weights: Readonly<Record<string, F32>>,
  training: boolean,
  path: string,
): Readonly<Record<string, F32>> {
  const { W_enc, b_enc, W_dec } = weights as Record<"W_enc" | "b_enc" | "W_dec", F32>;
  const lengths = rowLengths(W_dec).map((length) => (training ? Math.max(length, shortest) : length));
  const zero = lengths.indexOf(0);
  if (zero >= 0)
    throw new ConfigError(`${path}: W_dec: row ${zero} has length 0, activations cannot be rescaled by it`);
  return {
    ...weights,
    W_enc: scaledRows(W_enc, lengths),
    b_enc: scaledRows(b_enc, lengths),
    W_dec: scaledRows(
      W_dec,
      lengths.map((length) => 1 / length),
    ),
  };
}
