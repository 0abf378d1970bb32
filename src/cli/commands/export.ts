import { basename, dirname, join } from "node:path";
import { isFinished, readCheckpoint } from "../../checkpoint/checkpoint.ts";
import { readBytes } from "../../data/files.ts";
import { writeModel } from "../../export/files.ts";
import { freeze, type Part, parts } from "../../export/freeze.ts";
import { type TargetName, targets } from "../../export/targets/index.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const exportCommand = defineCommand({
  command: "export <checkpoints..>",
  positional: { checkpoints: { describe: "checkpoints (.safetensors) that sae-onnx train wrote", array: true } },
  options: {
    part: {
      type: "string",
      default: "encoder,autoencoder",
      describe: `one or a list of ${Object.keys(parts).join(", ")}`,
    },
    target: {
      choices: Object.keys(targets) as TargetName[],
      default: "ort" as TargetName,
      describe: `for which runtimes: ${Object.entries(targets)
        .map(([name, { describe }]) => `${name} (${describe})`)
        .join("; ")}`,
    },
    out: { type: "string", describe: "folder to write to [default: the checkpoint's]" },
    json: flags.json,
  },
  examples: [["$0 export models/sae_d512_k5.safetensors --part decoder,evaluator", "two more parts of one SAE"]],
  async run(given) {
    const wanted = given.part.split(",").map((one) => one.trim());
    const unknown = wanted.find((one) => !Object.hasOwn(parts, one));
    if (unknown !== undefined)
      throw new ConfigError(`--part: must be of ${Object.keys(parts).join(", ")}, got "${unknown}"`);
    const paths = given.checkpoints as string[];
    const checkpoints = [];
    for (const path of paths) {
      const checkpoint = readCheckpoint(await readBytes(path), path);
      if (!isFinished(checkpoint))
        throw new ConfigError(
          `${path}: training is at epoch ${checkpoint.epochsDone} of ${checkpoint.config.epochs}; run the same train command to finish it`,
        );
      checkpoints.push({ path, checkpoint });
    }
    const { target } = given;
    const middle = target === "ort" ? "" : `.${target}`;
    // All are made before the first is written: a target that cannot express one of them leaves nothing behind.
    const frozen = checkpoints.flatMap(({ path, checkpoint }) =>
      (wanted as Part[]).map((part) => ({
        part,
        path: join(given.out ?? dirname(path), `${basename(path, ".safetensors")}${middle}.${part}.onnx`),
        model: freeze(checkpoint, part, target),
      })),
    );
    const written = [];
    for (const { part, path, model } of frozen) {
      await writeModel(path, model);
      written.push({ part, target, path });
      note(path);
    }
    if (given.json) print(JSON.stringify(written, null, 1));
  },
});
