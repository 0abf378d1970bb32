import { originOf } from "../checkpoint/origin.ts";
import { quote } from "../data/quote.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format } from "./format.ts";
import { ptOfSource, stateDict } from "./ptFile.ts";
import { exactly, transposed } from "./weights.ts";

/** The TopK grid experiment's checkpoints: top-k of |pre| with sign, a decoder bias, nothing off the input. */
export const experiment: Format = {
  describe: "the experiment's .pt checkpoints",
  needs: [/\.pt$/],
  read(source) {
    const { path } = source;
    const top = ptOfSource(source);
    const config = top instanceof Map ? top.get("config") : undefined;
    if (!(top instanceof Map) || !(config instanceof Map) || !top.has("model_state_dict")) {
      const has =
        top instanceof Map
          ? `; it has ${[...top.keys()]
              .slice(0, 20)
              .map((key) => quote(String(key)))
              .join(", ")}`
          : "";
      throw new ConfigError(
        `${path}: needs a dictionary with model_state_dict and config, as the experiment's checkpoints have${has}`,
      );
    }
    const unknown = [...top.keys()].find((key) => !["model_state_dict", "config", "metrics"].includes(key));
    const odd = [...config.keys()].find(
      (key) => !["input_dim", "latent_dim", "k", "position", "layer", "model"].includes(key),
    );
    if (unknown !== undefined || odd !== undefined)
      throw new ConfigError(`${path}: ${quote(String(odd ?? unknown))} is not supported`);
    const nested = [...config].find(([, value]) => Object(value) === value);
    if (nested)
      throw new ConfigError(
        `${path}: config says ${quote(String(nested[0]))} is a list or the like, need a number or text`,
      );
    const { position, layer, model, k, input_dim, latent_dim } = Object.fromEntries(config) as Record<string, unknown>;
    const found = exactly(
      stateDict(top.get("model_state_dict"), path),
      ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"],
      path,
    );
    const dims = found["encoder.weight"].dims;
    for (const [name, value, dim] of [
      ["input_dim", input_dim, dims[1]],
      ["latent_dim", latent_dim, dims[0]],
    ] as const)
      if (value !== dim)
        throw new ConfigError(`${path}: config says ${name} ${value}, encoder.weight is [${dims.join(", ")}]`);
    const place = (name: string, value: unknown): number | null => {
      if (value === undefined || value === null || Number.isSafeInteger(value)) return (value as number) ?? null;
      throw new ConfigError(`${path}: config says ${name} ${quote(String(value))}, need a whole number`);
    };
    return {
      architecture: "pretrained-topk",
      source: "experiment",
      options: { k: k as number, select: "magnitude", relu: false, inputBias: false },
      tensors: {
        W_enc: found["encoder.weight"],
        b_enc: found["encoder.bias"],
        W_dec: transposed(found["decoder.weight"]),
        b_dec: found["decoder.bias"],
      },
      layer: place("layer", layer),
      position: place("position", position),
      origin: originOf({ model }),
    };
  },
};
