import { basename, join, resolve } from "node:path";
import { writeCheckpoint } from "../../checkpoint/checkpoint.ts";
import { originText } from "../../checkpoint/origin.ts";
import { writeWhole } from "../../data/files.node.ts";
import { writeFrozen } from "../../export/files.node.ts";
import { freezeWithVectors } from "../../export/vectors/vectors.ts";
import type { SourceFiles } from "../../formats/format.ts";
import { importSae, readFormats } from "../../formats/index.ts";
import { isNamed, namedSource } from "../../formats/registry.node.ts";
import { readSource } from "../../formats/source.node.ts";
import { readIfThere } from "../../pipeline/existing.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { checkFileName } from "../../util/fileName.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const importCommand = defineCommand({
  command: "import <path>",
  positional: {
    path: {
      describe: `a file or folder, or a folder of many; saelens:RELEASE/ID or hf:owner/repo/path, fetched once: ${readFormats.map(({ describe }) => describe).join("; ")}`,
    },
  },
  options: {
    out: { type: "string", default: "models", describe: "folder to write to" },
    name: { type: "string", describe: "first part of the files' names [default: the path's last part]" },
    "norm-factor": {
      type: "number",
      describe:
        "what inputs were multiplied by in training, where no file says it (SAELens's expected_average_only_in)",
    },
    force: { type: "boolean", default: false, describe: "replace an SAE of the same name that is another one" },
    json: flags.json,
  },
  examples: [
    ["$0 import layers.10 --out models", "a sparsify folder: checkpoint, encoder and autoencoder"],
    ["$0 import checkpoints/run", "every SAE of a run"],
    ["$0 import saelens:gpt2-small-res-jb/blocks.8.hook_resid_pre", "one of SAELens's releases, by its name there"],
  ],
  async run(given) {
    const path = given.path as string;
    const { "norm-factor": normFactor } = given;
    const to = { out: given.out, force: given.force };
    if (normFactor !== undefined && !(normFactor > 0 && Number.isFinite(normFactor)))
      throw new ConfigError(`--norm-factor must be a number above 0, got ${normFactor}`);
    const source = isNamed(path) ? await namedSource(path, note) : await readSource(path);
    const { within = [] } = source;
    if (within.length === 0) {
      const name = given.name ?? nameOf(isNamed(path) ? path : source.path);
      const known = { ...source, normFactor: normFactor ?? source.normFactor };
      const { line, ...about } = await imported(known, checkFileName(name, "--name"), to);
      print(given.json ? JSON.stringify(about, null, 1) : line);
      return;
    }
    const names = within.map((way) => [given.name, ...stem(way).split(/[/\\]/)].filter(Boolean).join("_"));
    for (const [i, name] of names.entries()) {
      checkFileName(name, `the name of ${within[i]}`);
      if (names.indexOf(name) !== i)
        throw new ConfigError(
          `${path}: ${within[i]} and ${within[names.indexOf(name)]} would have one name; import them one by one`,
        );
    }
    const done: Awaited<ReturnType<typeof imported>>[] = [];
    const refused: string[] = [];
    for (const [i, way] of within.entries())
      try {
        done.push(await imported({ ...(await readSource(join(path, way))), normFactor }, names[i]!, to));
        if (!given.json) print(`${way}: ${done.at(-1)!.line}`);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        refused.push(error.message);
        note(`not imported: ${visible(error.message)}`);
      }
    if (given.json)
      print(
        JSON.stringify(
          done.map(({ line: _, ...about }) => about),
          null,
          1,
        ),
      );
    if (refused.length > 0)
      throw new ConfigError(
        `${path}: ${refused.length} of ${within.length} were not imported; the first: ${refused[0]}`,
      );
  },
});

/** What a source's files are called: after the path's last part; after an id of a release, or a path on the Hub, as a whole. */
function nameOf(path: string): string {
  const named = /^(?:saelens:[^/]+|hf:[^/]+\/[^/]+)\/+(.+?)\/*$/.exec(path)?.[1];
  return stem(named === undefined ? basename(resolve(path)) : named.replaceAll("/", "_"));
}

/** A file's name, or the way to it, without its ending. */
const stem = (name: string) => name.replace(/\.(pt|npz)$/, "");

/** Where an SAE is written, and whether another one may be replaced. */
interface Destination {
  readonly out: string;
  readonly force: boolean;
}

/** Imports one SAE and writes its files. @throws {ConfigError} before anything is written, also where another SAE has its name. */
async function imported(source: SourceFiles, name: string, { out, force }: Destination) {
  const notes: string[] = [];
  const checkpoint = importSae(source, (line) => notes.push(line));
  const file = join(out, `${name}.safetensors`);
  const bytes = writeCheckpoint(checkpoint);
  const before = force ? undefined : await readIfThere(file);
  if (before && Buffer.compare(before, bytes) !== 0)
    throw new ConfigError(`${file}: is another SAE; give this one another --name or --out, or replace it with --force`);
  const models = await freezeWithVectors(checkpoint, ["encoder", "autoencoder"]);
  const files = [file];
  for (const [part, model] of models) {
    const to = join(out, `${name}.${part}.onnx`);
    await writeFrozen(to, model);
    files.push(to);
  }
  await writeWhole(file, bytes);
  for (const line of notes) note(`${source.path}: ${visible(line)}`);
  for (const one of files) note(one);
  const { architecture, preset, inputDim, latentDim, outputDim, options } = checkpoint.config;
  const { origin = null } = checkpoint;
  const dims = {
    input_dim: inputDim,
    latent_dim: latentDim,
    ...(outputDim === undefined ? {} : { output_dim: outputDim }),
  };
  const from = origin ? `; comes from ${visible(originText(origin))}` : "";
  const to = outputDim === undefined ? "" : `, a transcoder to ${outputDim}`;
  return {
    ...{ architecture, source: preset, origin, ...dims, options, notes, files },
    line: `${architecture} from ${preset}, ${inputDim} to ${latentDim}${to}${from}`,
  };
}
