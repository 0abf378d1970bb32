import { basename, dirname, join } from "node:path";
import { type Checkpoint, isFinished, readCheckpoint } from "../../checkpoint/checkpoint.ts";
import { readBytes, writeWhole } from "../../data/files.ts";
import { writeModel } from "../../export/files.ts";
import { freeze, type Part, parts } from "../../export/freeze.ts";
import { type TargetName, targets } from "../../export/targets/index.ts";
import { writers } from "../../import/write.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

/** Every checkpoint as a folder `NAME.FORMAT`; all are made before the first is written. */
async function exportFormat(
  format: keyof typeof writers,
  checkpoints: readonly { readonly path: string; readonly checkpoint: Checkpoint }[],
  out: string | undefined,
) {
  const all = checkpoints.flatMap(({ path, checkpoint }) =>
    Object.entries(writers[format](checkpoint, path)).map(([name, content]) => ({
      path: join(out ?? dirname(path), `${basename(path, ".safetensors")}.${format}`, name),
      content,
    })),
  );
  for (const { path, content } of all) await writeWhole(path, content);
  return all.map(({ path }) => ({ format, path }));
}

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
      choices: Object.keys(writers) as (keyof typeof writers)[],
      describe: "write a folder in another library's format instead",
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
    if (given.format !== undefined) {
      const files = await exportFormat(given.format, checkpoints, given.out);
      for (const one of files) note(one.path);
      if (given.json) print(JSON.stringify(files, null, 1));
      return;
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
