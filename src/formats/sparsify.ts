import { z } from "zod";
import { type Origin, originOf } from "../checkpoint/origin.ts";
import { readSafetensors, writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import type { SourceFiles, WrittenFormat } from "./format.ts";
import { jsonText, only, readJson } from "./json.ts";
import { exactly, foldedBias, weightsOf } from "./weights.ts";
import { wordsFor } from "./words.ts";

// What only steers training is read and has no part in the encoder; anything else unknown is refused.
const schema = z.strictObject({
  activation: only("topk", "groupmax").default("topk"),
  k: z.int().positive(),
  signed: z.boolean().default(false),
  num_latents: z.int().nonnegative().optional(),
  expansion_factor: z.number().optional(),
  d_in: z.int().positive(),
  normalize_decoder: z.boolean().optional(),
  multi_topk: z.boolean().optional(),
  transcode: z.boolean().default(false),
  skip_connection: z.boolean().default(false),
});

/** The settings of a training run, beside the folders of its SAEs: each folder is called after its hookpoint. */
const runFile = "../config.json";
const runSchema = z.looseObject({ hookpoints: z.array(z.string()), model: z.string(), dataset: z.unknown() });

/**
 * EleutherAI sparsify: b_dec off the input; top-k of ReLU(pre). For some weeks of 2024 it also had `signed: true`, top-k of
 * |pre| with the sign. Such folders are read. Later versions drop `signed` and select by value, so it is never written.
 */
export const sparsify: WrittenFormat = {
  describe: "EleutherAI sparsify folders (cfg.json, sae.safetensors)",
  needs: ["cfg.json", "sae.safetensors"],
  mayHave: [runFile],
  read(source) {
    const cfg = readJson(source, "cfg.json", schema);
    const file = `${source.path}/sae.safetensors`;
    const { tensors } = readSafetensors(source.files.get("sae.safetensors")!, file);
    const names = ["encoder.weight", "encoder.bias", "W_dec", "b_dec"] as const;
    const found = exactly(tensors, [...names, ...(cfg.skip_connection ? (["W_skip"] as const) : [])], file);
    const [latentDim, inputDim] = found["encoder.weight"].dims;
    const latents = cfg.num_latents || (cfg.expansion_factor ?? Number.NaN) * cfg.d_in;
    if (cfg.d_in !== inputDim || (!Number.isNaN(latents) && latents !== latentDim))
      throw new ConfigError(
        `${source.path}/cfg.json: says d_in ${cfg.d_in} and ${latents} latents, encoder.weight is [${latentDim}, ${inputDim}]`,
      );
    const isTopK = cfg.activation === "topk";
    if (cfg.signed && !isTopK)
      throw new ConfigError(`${source.path}/cfg.json: signed with activation ${cfg.activation}`);
    const inputBias = !cfg.transcode;
    const training = (["normalize_decoder", "multi_topk"] as const).filter((name) => cfg[name]);
    const origin = originIn(source);
    const layer = /^layers?[._](\d+)\b/.exec(hookOf(source) ?? "")?.[1];
    return {
      ...(isTopK
        ? {
            architecture: "pretrained-topk" as const,
            options: { k: cfg.k, select: cfg.signed ? "magnitude" : "value", relu: !cfg.signed, inputBias },
          }
        : { architecture: "pretrained-groupmax" as const, options: { k: cfg.k, inputBias } }),
      source: "sparsify",
      tensors: {
        W_enc: found["encoder.weight"],
        b_enc: found["encoder.bias"],
        W_dec: found.W_dec,
        b_dec: found.b_dec,
        ...(found.W_skip ? { W_skip: found.W_skip } : {}),
      },
      ...(cfg.transcode ? { outputDim: inputDim! } : {}),
      skip: cfg.skip_connection,
      layer: origin && layer !== undefined ? Number(layer) : null,
      position: null,
      origin,
      notes: training.length > 0 ? [`only says how it was trained, left out: ${training.join(", ")}`] : [],
    };
  },
  write(checkpoint, file) {
    const {
      activation = "topk",
      k,
      inputBias,
      transcode = false,
    } = wordsFor("sparsify", checkpoint, file, "sparsify has top-k and groupmax of ReLU only, without signs");
    const { inputDim, latentDim } = checkpoint.config;
    const { W_enc, b_enc, W_dec, b_dec, W_skip } = weightsOf(checkpoint);
    return {
      "cfg.json": jsonText({
        ...{ activation, expansion_factor: latentDim / inputDim, normalize_decoder: false },
        ...{ num_latents: latentDim, k, multi_topk: false, d_in: inputDim },
        ...(transcode ? { transcode } : {}),
        ...(transcode || W_skip ? { skip_connection: W_skip !== undefined } : {}),
      }),
      "sae.safetensors": writeSafetensors({
        "encoder.weight": W_enc,
        "encoder.bias": inputBias || transcode ? b_enc : foldedBias({ W_enc, b_enc, b_dec }),
        W_dec,
        b_dec,
        ...(W_skip ? { W_skip } : {}),
      }),
    };
  },
};

/** The name of the folder: its hookpoint. */
const hookOf = ({ path }: SourceFiles) => path.split(/[/\\]/).findLast((part) => part !== "");

/** What the run's settings say, where there are some that name this folder: another file may be called the same. */
function originIn({ path, files }: SourceFiles): Origin | null {
  let json: unknown;
  try {
    json = parseSmall(new TextDecoder().decode(files.get(runFile)));
  } catch {
    return null;
  }
  const run = runSchema.safeParse(json).data;
  const hook = hookOf({ path, files });
  if (hook === undefined || !run?.hookpoints.includes(hook)) return null;
  return originOf({ model: run.model, hook, dataset: run.dataset });
}
