import { originOf } from "../checkpoint/origin.ts";
import { readNpz } from "../data/npz.ts";
import type { Format } from "./format.ts";
import { exactly, scaled, transposed } from "./weights.ts";

/** The folders of a release as it is published: `gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71`. */
const published =
  /(?:^|[/\\])(gemma-scope-(2b|9b|27b)-(pt|it)-(res|mlp|att|transcoders))[/\\]((?:layer_(\d+)|embedding)[/\\]width_\w+[/\\]average_l0_\d+)(?:[/\\](?:params\.npz)?)?$/;

/** Where the SAEs of a release read, at a layer. */
const hooks: Readonly<Record<string, string>> = {
  ...{ res: "hook_resid_post", mlp: "hook_mlp_out", att: "attn.hook_z", transcoders: "ln2.hook_normalized" },
};

/**
 * Gemma Scope's params.npz: JumpReLU, nothing off the input. Names may be lower case. The files do not say what the folders do: SAEs of
 * embeddings see them times sqrt(width), which is folded in; transcoders read the normalised input of an MLP and give its output.
 */
export const gemmaScope: Format = {
  describe: "Gemma Scope's params.npz",
  needs: ["params.npz"],
  read({ path, files }) {
    const folders = path.split(/[/\\]/);
    const isEmbedding = folders.includes("embedding");
    const transcodes = folders.some((one) => one.includes("transcoder"));
    const names = ["W_enc", "b_enc", "W_dec", "b_dec", "threshold"] as const;
    const arrays = [...readNpz(files.get("params.npz")!, path)];
    const found = exactly(new Map(arrays.map(([name, one]) => [name.replace(/^w_/, "W_"), one])), names, path);
    const [, release, size, tuning, kind, id, number] = published.exec(path) ?? [];
    const layer = number === undefined ? null : Number(number);
    const W_enc = transposed(found.W_enc);
    const root = Math.sqrt(W_enc.dims[1]!);
    const at = isEmbedding ? "hook_embed" : layer === null ? undefined : `blocks.${layer}.${hooks[kind!]}`;
    return {
      architecture: "pretrained-jumprelu",
      source: "gemma-scope",
      options: { inputBias: false },
      tensors: {
        ...found,
        W_enc: isEmbedding ? scaled(W_enc, 1 / root) : W_enc,
        W_dec: isEmbedding ? scaled(found.W_dec, root) : found.W_dec,
      },
      ...(transcodes ? { outputDim: found.W_dec.dims[1] } : {}),
      layer,
      position: null,
      origin: originOf({
        model: size && `gemma-2-${size}${tuning === "it" ? "-it" : ""}`,
        ...(release === undefined ? {} : { hook: at }),
        ...{ release, id: id?.replaceAll("\\", "/"), layer },
        ...(transcodes && layer !== null ? { hook_out: `blocks.${layer}.hook_mlp_out` } : {}),
      }),
      notes: isEmbedding ? ["an SAE of embeddings: the sqrt(width) they are multiplied by is in the weights now"] : [],
    };
  },
};
