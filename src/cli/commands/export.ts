import { readActivations } from "../../data/files.node.ts";
import { type Part, parts } from "../../export/freeze.ts";
import { type TargetName, targets } from "../../export/targets/index.ts";
import { type WeightTypeName, weightTypes } from "../../export/weights/index.ts";
import { writtenNames } from "../../formats/index.ts";
import { exportFormat } from "../../pipeline/exportFormat.node.ts";
import { exportFiles } from "../../pipeline/exportModels.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";
import { verifiedLines } from "../verified.ts";

const choices = (table: Readonly<Record<string, { readonly describe: string }>>) =>
  Object.entries(table)
    .map(([name, { describe }]) => `${name} (${describe})`)
    .join("; ");

/** What the flags of .onnx models are when nobody gives them. */
const unasked: Readonly<Record<string, string | undefined>> = {
  part: "encoder,autoencoder",
  target: "ort",
  dtype: "float32",
  data: undefined,
};

/** Feature files, which another verb writes. */
const neuronpedia = "neuronpedia" as const;

export const exportCommand = defineCommand({
  command: "export <checkpoints..>",
  positional: { checkpoints: { describe: "checkpoints (.safetensors) that sae-onnx train wrote", array: true } },
  options: {
    part: {
      type: "string",
      default: "encoder,autoencoder",
      describe: `one or a list of ${Object.keys(parts).join(", ")}`,
    },
    format: {
      choices: [...writtenNames, neuronpedia],
      describe: "write a folder in another library's format instead",
    },
    unsigned: {
      type: "boolean",
      default: false,
      describe:
        "with --format: an SAE with signs as one of twice the latents without, for libraries that have no signs",
    },
    target: {
      choices: Object.keys(targets) as TargetName[],
      default: "ort" as TargetName,
      describe: `for which runtimes: ${choices(targets)}`,
    },
    dtype: {
      choices: Object.keys(weightTypes) as WeightTypeName[],
      default: "float32" as WeightTypeName,
      describe: `how weight matrices are stored: ${choices(weightTypes)}; numbers stay float32`,
    },
    data: { type: "string", describe: "activations to measure on what --dtype costs: .safetensors, .npz or .npy" },
    tensor: flags.data.tensor,
    "train-rows": flags.data["train-rows"],
    "max-ev-loss": {
      type: "number",
      default: 0.005,
      describe: "write nothing when --dtype loses more explained variance than this",
    },
    out: { type: "string", describe: "folder to write to [default: the checkpoint's]" },
    json: flags.json,
  },
  examples: [
    ["$0 export models/sae_d512_k5.safetensors --part decoder,evaluator", "two more parts of one SAE"],
    [
      "$0 export models/sae_d512_k5.safetensors --dtype int8 --data acts.npy",
      "a quarter of the size, its loss measured",
    ],
  ],
  async run(given) {
    const wanted = given.part.split(",").map((one) => one.trim());
    const unknown = wanted.find((one) => !Object.hasOwn(parts, one));
    if (unknown !== undefined)
      throw new ConfigError(`--part: must be of ${Object.keys(parts).join(", ")}, got "${unknown}"`);
    if (given.format !== undefined) {
      const { part, target, dtype, data } = given;
      const ignored = Object.entries({ part, target, dtype, data }).find(([name, value]) => value !== unasked[name]);
      if (ignored)
        throw new ConfigError(`--${ignored[0]} is for .onnx models; --format ${given.format} has none, leave it out`);
      if (given.format === neuronpedia)
        throw new ConfigError(
          "--format neuronpedia: its files say on which texts a latent fires, which no checkpoint knows; sae-onnx features MODEL.autoencoder.onnx --data ACTIVATIONS --format neuronpedia writes them",
        );
      const { out, unsigned: withoutSigns } = given;
      const paths = checkpointsAmong(given.checkpoints as string[]);
      const files = await exportFormat(given.format, paths, { out, withoutSigns });
      if (withoutSigns)
        note("of latents i and D + i one is |z_i|, for D latents; at equal magnitudes those above 0 are kept first");
      for (const one of files) note(one.path);
      if (given.json) print(JSON.stringify(files, null, 1));
      return;
    }
    if (given.unsigned) throw new ConfigError("--unsigned is for --format; .onnx has signs, leave it out");
    const { target, dtype, data, "max-ev-loss": maxEvLoss } = given;
    if (!(maxEvLoss >= 0)) throw new ConfigError(`--max-ev-loss must be a number of at least 0, got ${maxEvLoss}`);
    if (dtype === "float32" && data !== undefined)
      throw new ConfigError("--data is for what --dtype float16 or int8 costs; float32 costs nothing, leave it out");
    const written = await exportFiles({
      checkpoints: checkpointsAmong(given.checkpoints as string[]),
      parts: wanted as Part[],
      ...{ target, dtype, maxEvLoss, out: given.out, trainRows: given["train-rows"] },
      set: data === undefined ? undefined : await readActivations(data, { tensor: given.tensor }),
      onLoss: (path, { explained_variance_float32: before, explained_variance: after, ...loss }) =>
        note(
          `${path}: ${dtype} explained variance ${before.toFixed(4)} -> ${after.toFixed(4)} (loss ${loss.explained_variance_loss.toExponential(1)}), ${(100 * loss.selected_latents_lost).toFixed(2)} % of the selected latents lost, ${loss.rows} validation rows`,
        ),
      onVerified: (one) => verifiedLines(one).map(note),
    });
    if (given.json) print(JSON.stringify(written, null, 1));
  },
});

/** What else lies beside checkpoints, and a glob over their folder finds too. */
const others = {
  ".parity.safetensors": "verification vectors of a model",
  ".state.safetensors": "the state of a training",
};

function checkpointsAmong(paths: readonly string[]): string[] {
  const otherOf = (path: string) => Object.entries(others).find(([suffix]) => path.endsWith(suffix))?.[1];
  const found = paths.filter((path) => otherOf(path) === undefined);
  if (found.length === 0)
    throw new ConfigError(
      `${paths[0]}: ${otherOf(paths[0]!)}, not a checkpoint; name the .safetensors that train wrote`,
    );
  return found;
}
