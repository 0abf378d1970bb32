import { z } from "zod";
import { originOf } from "../checkpoint/origin.ts";
import { quote } from "../data/quote.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format } from "./format.ts";
import { ptHas, ptOfSource, stateDict } from "./ptFile.ts";
import { exactly, transposed } from "./weights.ts";

/** What its entries say besides tensors; a TopK's k and what becomes of kept values. */
const topK = z.strictObject({ k: z.int().positive(), postact_fn: z.enum(["ReLU", "Identity"]).default("ReLU") });
const notTensors = ["activation", "activation_state_dict"];
const statistics = ["stats_last_nonzero", "latents_activation_frequency", "latents_mean_square"];

/**
 * OpenAI's sparse_autoencoder: pre_bias off the input. A TopK normalises rows (layer norm) and keeps the k largest pre-activations,
 * then its ReLU; a ReLU does not normalise. A tied decoder is stored as its own transpose.
 */
export const openai: Format = {
  describe: "OpenAI's sparse_autoencoder .pt files",
  needs: [/\.pt$/],
  is: (source) => ptHas(source, "pre_bias", "latent_bias"),
  read(source) {
    const { path } = source;
    const top = ptOfSource(source) as ReadonlyMap<unknown, unknown>;
    const tied = top.has("decoder.linear.weight");
    const decoder = tied ? "decoder.linear.weight" : "decoder.weight";
    const found = exactly(
      stateDict(new Map([...top].filter(([name]) => !notTensors.includes(String(name)))), path, "dictionary"),
      ["pre_bias", "latent_bias", "encoder.weight", decoder],
      path,
      statistics,
    );
    const activation = top.get("activation");
    const state = top.get("activation_state_dict");
    const settings = state instanceof Map ? Object.fromEntries(state as Map<string, unknown>) : (state ?? {});
    const isTopK = activation === "TopK";
    if (!isTopK && activation !== "ReLU")
      throw new ConfigError(
        `${path}: activation is ${quote(String(activation))}: not supported here, only TopK or ReLU`,
      );
    const given = (isTopK ? topK : z.strictObject({})).safeParse(settings);
    if (!given.success)
      throw new ConfigError(
        `${path}: activation_state_dict: ${given.error.issues[0]!.path.join(".")} ${given.error.issues[0]!.message}`,
      );
    const { k, postact_fn } = given.data as { k?: number; postact_fn?: string };
    // The layer is the file's name: .../autoencoders/6.pt, or layer_6 in the folders of later versions.
    const layer = /(?:^|[/\\])(?:layer_)?(\d+)(?:[/\\]?autoencoder)?\.pt$/.exec(path)?.[1];
    const number = layer === undefined ? null : Number(layer);
    return {
      ...(isTopK
        ? {
            architecture: "pretrained-topk" as const,
            options: { k: k!, relu: postact_fn === "ReLU", inputBias: true, normalise: "layer-norm" },
          }
        : { architecture: "pretrained-relu" as const, options: { inputBias: true } }),
      source: "openai",
      tensors: {
        W_enc: found["encoder.weight"]!,
        b_enc: found.latent_bias!,
        W_dec: tied ? found[decoder]! : transposed(found[decoder]!),
        b_dec: found.pre_bias!,
      },
      layer: number,
      position: null,
      origin: originOf({ layer: number }),
    };
  },
};
