import { originOf } from "../checkpoint/origin.ts";
import { readNpz } from "../data/npz.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format } from "./format.ts";
import { exactly, transposed } from "./weights.ts";

/** The folders of a release as it is published: `gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71`. */
const published =
  /(?:^|[/\\])(gemma-scope-(2b|9b|27b)-(pt|it)-(?:res|mlp|att))[/\\](layer_(\d+)[/\\]width_\w+[/\\]average_l0_\d+)(?:[/\\](?:params\.npz)?)?$/;

/** Gemma Scope's params.npz: JumpReLU, nothing off the input. Names may be lower case. */
export const gemmaScope: Format = {
  describe: "Gemma Scope's params.npz",
  needs: ["params.npz"],
  read({ path, files }) {
    // The files say nothing of it: only the folders they come in do.
    const other = /(^|[/\\])(embedding|[^/\\]*transcoder[^/\\]*)([/\\]|$)/.exec(path)?.[2];
    if (other !== undefined)
      throw new ConfigError(
        `${path}: Gemma Scope's folder "${other}" has SAEs of scaled embeddings or of another layer's outputs, which are not supported; if it is neither, rename the folder`,
      );
    const names = ["W_enc", "b_enc", "W_dec", "b_dec", "threshold"] as const;
    const arrays = [...readNpz(files.get("params.npz")!, path)];
    const found = exactly(new Map(arrays.map(([name, one]) => [name.replace(/^w_/, "W_"), one])), names, path);
    const [, release, size, tuning, id, number] = published.exec(path) ?? [];
    const layer = number === undefined ? null : Number(number);
    return {
      architecture: "pretrained-jumprelu",
      source: "gemma-scope",
      options: { inputBias: false },
      tensors: { ...found, W_enc: transposed(found.W_enc) },
      layer,
      position: null,
      origin: originOf({
        model: size && `gemma-2-${size}${tuning === "it" ? "-it" : ""}`,
        ...{ release, id: id?.replaceAll("\\", "/"), layer },
      }),
    };
  },
};
