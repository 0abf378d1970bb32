import { basename, join, resolve } from "node:path";
import { writeCheckpoint } from "../../checkpoint/checkpoint.ts";
import { originText } from "../../checkpoint/origin.ts";
import { writeWhole } from "../../data/files.node.ts";
import { writeFrozen } from "../../export/files.node.ts";
import { freezeWithVectors } from "../../export/vectors/vectors.ts";
import { formats, importSae } from "../../formats/index.ts";
import { readSource } from "../../formats/source.node.ts";
import { checkFileName } from "../../util/fileName.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const importCommand = defineCommand({
  command: "import <path>",
  positional: {
    path: {
      describe: `a file or folder: ${Object.values(formats)
        .map(({ describe }) => describe)
        .join("; ")}`,
    },
  },
  options: {
    out: { type: "string", default: "models", describe: "folder to write to" },
    name: { type: "string", describe: "first part of the files' names [default: the path's last part]" },
    json: flags.json,
  },
  examples: [["$0 import layers.10 --out models", "a sparsify folder: checkpoint, encoder and autoencoder"]],
  async run(given) {
    const path = given.path as string;
    const checkpoint = importSae(await readSource(path));
    const name = given.name ?? basename(resolve(path)).replace(/\.(pt|npz)$/, "");
    checkFileName(name, "--name");
    const models = await freezeWithVectors(checkpoint, ["encoder", "autoencoder"]);
    const file = join(given.out, `${name}.safetensors`);
    const written = [file];
    for (const [part, model] of models) {
      const to = join(given.out, `${name}.${part}.onnx`);
      await writeFrozen(to, model);
      written.push(to);
    }
    await writeWhole(file, writeCheckpoint(checkpoint));
    for (const one of written) note(one);
    const { architecture, preset, inputDim, latentDim, options } = checkpoint.config;
    const { origin = null } = checkpoint;
    const dims = { input_dim: inputDim, latent_dim: latentDim };
    const about = { architecture, source: preset, origin, ...dims, options, files: written };
    const from = origin ? `; comes from ${visible(originText(origin))}` : "";
    print(
      given.json
        ? JSON.stringify(about, null, 1)
        : `${architecture} from ${preset}, ${inputDim} to ${latentDim}${from}`,
    );
  },
});
