import { z } from "zod";
import { originOf } from "../checkpoint/origin.ts";
import { readSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format } from "./format.ts";
import { only, readJson } from "./json.ts";
import { exactly, transposed } from "./weights.ts";

const schema = z.strictObject({
  architecture: only("jump_relu"),
  width: z.int().positive(),
  model_name: z.string().optional(),
  hf_hook_point_in: z.string(),
  hf_hook_point_out: z.string().nullish(),
  l0: z.unknown().optional(),
  affine_connection: z.boolean().default(false),
  type: only("sae", "transcoder").optional(),
});

/** Gemma Scope 2 (Gemma 3): JumpReLU, nothing off the input; transcoders where it writes elsewhere than it reads, some with an affine skip. */
export const gemmaScope2: Format = {
  describe: "Gemma Scope 2 folders (config.json, params.safetensors)",
  needs: ["config.json", "params.safetensors"],
  read(source) {
    const { path } = source;
    const cfg = readJson(source, "config.json", schema);
    const file = `${path}/params.safetensors`;
    const { tensors } = readSafetensors(source.files.get("params.safetensors")!, file);
    const { hf_hook_point_in: hook, hf_hook_point_out: out } = cfg;
    const transcodes = out != null && out !== hook;
    if (cfg.type !== undefined && (cfg.type === "transcoder") !== transcodes)
      throw new ConfigError(
        `${path}/config.json: type is ${cfg.type}, and it reads ${hook} and writes ${out ?? "nothing"}`,
      );
    if (cfg.affine_connection && !transcodes)
      throw new ConfigError(
        `${path}/config.json: affine_connection is true, and what it reads is what it writes, ${hook}`,
      );
    const decoder = tensors.get("w_dec");
    if (decoder && decoder.shape.length === 3)
      throw new ConfigError(
        `${file}: w_dec is [${decoder.shape.join(", ")}], a decoder for every layer: a cross-layer transcoder is not supported`,
      );
    const names = ["w_enc", "b_enc", "w_dec", "b_dec", "threshold"] as const;
    const skip = cfg.affine_connection ? (["affine_skip_connection"] as const) : [];
    const found = exactly(tensors, [...names, ...skip], file);
    if (found.w_enc.dims[1] !== cfg.width)
      throw new ConfigError(`${path}/config.json: says width ${cfg.width}, w_enc is [${found.w_enc.dims.join(", ")}]`);
    const layer = /\blayers\.(\d+)\b/.exec(hook)?.[1];
    const number = layer === undefined ? null : Number(layer);
    const affine = found.affine_skip_connection;
    return {
      architecture: "pretrained-jumprelu",
      source: "gemma-scope-2",
      options: {},
      tensors: {
        ...{ W_enc: transposed(found.w_enc), b_enc: found.b_enc, W_dec: found.w_dec, b_dec: found.b_dec },
        threshold: found.threshold,
        ...(affine ? { W_skip: transposed(affine) } : {}),
      },
      ...(transcodes ? { outputDim: found.w_dec.dims[1], skip: affine !== undefined } : {}),
      layer: number,
      position: null,
      origin: originOf({ model: cfg.model_name, hook, layer: number, hook_out: transcodes ? out : undefined }),
    };
  },
};
