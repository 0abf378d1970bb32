import { readNpz } from "../data/npz.ts";
import { ConfigError } from "../util/errors.ts";
import { exactly, type SourceFormat, transposed } from "./weights.ts";

/** Gemma Scope's params.npz: JumpReLU, nothing off the input. Names may be lower case. */
export const gemmaScope: SourceFormat = {
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
    return {
      architecture: "pretrained-jumprelu",
      source: "gemma-scope",
      options: { inputBias: false },
      tensors: { ...found, W_enc: transposed(found.W_enc) },
      layer: null,
      position: null,
    };
  },
};
