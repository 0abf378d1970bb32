import { originOf } from "../checkpoint/origin.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format } from "./format.ts";
import { ptHas, ptOfSource, stateDict } from "./ptFile.ts";
import { exactly, transposed } from "./weights.ts";

/** Its releases: `SAE-Res-Qwen3-1.7B-Base-W32K-L0_50/layer0.sae.pt`. Only the folder says k. */
const published = /SAE-Res-([^/\\]+)-W(\d+)K-L0_(\d+)[/\\](?:.*[/\\])?layer(\d+)\.sae\.pt$/;

/** Qwen Scope: TopK of ReLU, nothing off the input; W_enc has a row for each latent, W_dec a column. */
export const qwenScope: Format = {
  describe: "Qwen Scope's layerN.sae.pt",
  needs: [/\.pt$/],
  is: (source) =>
    ptHas(source, "W_enc", "W_dec", "b_enc", "b_dec") && !ptHas(source, "threshold") && !ptHas(source, "k"),
  read(source) {
    const { path } = source;
    const found = exactly(
      stateDict(ptOfSource(source), path, "dictionary"),
      ["W_enc", "b_enc", "W_dec", "b_dec"],
      path,
    );
    const [, model, width, k, layer] = published.exec(path) ?? [];
    if (k === undefined)
      throw new ConfigError(
        `${path}: only the folder of its release says how many latents it keeps; put it into one named SAE-Res-MODEL-W32K-L0_50, its name layer0.sae.pt`,
      );
    if (found.W_enc.dims[0] !== Number(width) * 1024)
      throw new ConfigError(`${path}: its folder says ${width} K latents, W_enc is [${found.W_enc.dims.join(", ")}]`);
    return {
      architecture: "pretrained-topk",
      source: "qwen-scope",
      options: { k: Number(k) },
      tensors: { ...found, W_dec: transposed(found.W_dec) },
      layer: Number(layer),
      position: null,
      origin: originOf({
        model: `Qwen/${model}`,
        hook: `blocks.${layer}.hook_resid_post`,
        layer: Number(layer),
      }),
    };
  },
};
