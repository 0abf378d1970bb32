import { join } from "node:path";
import type { Options } from "yargs";
import { writeWhole } from "../../data/files.node.ts";
import { float32ToHalf } from "../../data/half.ts";
import { locked } from "../../data/lock.node.ts";
import { writeSafetensors } from "../../data/safetensors.ts";
import {
  type Recipe,
  recipe,
  type Synthesis,
  type SynthesisRequest,
  synthesize,
  synthesizeShards,
} from "../../data/synthetic.ts";
import { readIfThere } from "../../pipeline/existing.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { tensor } from "../../util/tensor.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** Largest float16. */
const largestHalf = 65504;
const recipeNames = Object.keys(recipe) as (keyof Recipe)[];

/** A flag for every number of the recipe. */
const recipeFlags = Object.fromEntries(
  recipeNames.map((name) => [
    kebab(name),
    { type: "number", default: recipe[name].default, describe: recipe[name].describe } as Options,
  ]),
);

export const synth = defineCommand({
  command: "synth",
  options: {
    out: { type: "string", demandOption: true, describe: "file to write, .safetensors; with --shards a folder" },
    rows: { type: "number", default: 7473, describe: "rows" },
    "train-rows": { type: "number", describe: "the first so many rows train, the rest validate [default: 80%]" },
    "input-dim": { type: "number", default: 2048, describe: "width of the activations" },
    features: { type: "number", default: 2048, describe: "true features the activations are made of" },
    seed: { type: "number", default: 0, describe: "seed of everything random in it" },
    dtype: {
      choices: ["float32", "float16"] as const,
      default: "float32" as const,
      describe: "type of the activations",
    },
    shards: { type: "number", describe: "write so many files into the folder --out, one at a time in memory" },
    ...recipeFlags,
    force: { type: "boolean", default: false, describe: "replace a file that holds something else" },
    json: flags.json,
  },
  examples: [
    ["$0 synth --out acts.safetensors", "a stand-in for the experiment's activations, 7473 x 2048"],
    ["$0 synth --out acts --shards 100 --rows 10000000 --input-dim 512 --dtype float16", "more than fits in memory"],
    ["$0 synth --out small.safetensors --rows 2000 --input-dim 64 --features 128", "small, to try things"],
  ],
  async run(given) {
    const { out, rows, features, seed, dtype, force } = given;
    const numbers = Object.fromEntries(recipeNames.map((name) => [name, given[kebab(name)]])) as unknown as Recipe;
    const trainRows = given["train-rows"];
    const request: SynthesisRequest = {
      ...{ ...numbers, rows, inputDim: given["input-dim"], features, seed },
      ...(trainRows === undefined ? {} : { trainRows }),
    };
    const say = given.quiet === true ? () => {} : note;
    if (given.shards !== undefined) {
      const { bytes, parameters } = await writeShards(request, given.shards, { out, dtype, force, say });
      if (given.json) print(JSON.stringify({ path: out, shards: given.shards, bytes, dtype, ...parameters }, null, 1));
      return;
    }
    if (!/\.safetensors$/i.test(out))
      throw new ConfigError(`--out: must end in .safetensors, got "${out}"; other formats cannot hold the metadata`);
    const made = synthesize(request);
    const bytes = await write(out, fileOf(made, dtype, true), { force, say });
    if (given.json) print(JSON.stringify({ path: out, bytes, dtype, ...made.parameters }, null, 1));
  },
});

interface Writing {
  readonly out: string;
  readonly dtype: "float32" | "float16";
  readonly force: boolean;
  readonly say: (text: string) => void;
}

/** Writes shard after shard, none kept in memory; `true_features` go into the first one. */
async function writeShards(request: SynthesisRequest, shards: number, { out, dtype, force, say }: Writing) {
  let [bytes, shard] = [0, 0];
  let parameters: Synthesis["parameters"] | undefined;
  for (const made of synthesizeShards(request, shards)) {
    const path = join(out, `shard-${String(shard).padStart(String(shards - 1).length, "0")}.safetensors`);
    bytes += await write(path, fileOf(made, dtype, shard === 0), { force, say });
    parameters = made.parameters;
    shard++;
  }
  return { bytes, parameters };
}

/** Writes a file unless it is there already; gives its size. @throws {ConfigError} when something else is there. */
async function write(path: string, bytes: Uint8Array, { force, say }: Pick<Writing, "force" | "say">) {
  await locked(path, async () => {
    const before = force ? undefined : await readIfThere(path);
    const same = before !== undefined && Buffer.compare(before, bytes) === 0;
    if (before && !same)
      throw new ConfigError(`${path}: is there and holds something else; use --force to replace it, or another --out`);
    if (!same) await writeWhole(path, bytes);
    say(`${path}: ${same ? "already there" : `${bytes.length} bytes`}`);
  });
  return bytes.length;
}

/** The file's bytes; the metadata say that it is synthetic, and every number that went in. */
function fileOf(
  { activations, split, trueFeatures, parameters }: Synthesis,
  dtype: Writing["dtype"],
  withFeatures: boolean,
) {
  if (dtype === "float16" && activations.data.some((v) => Math.abs(v) > largestHalf))
    throw new ConfigError(
      `--dtype float16: some activations are above ${largestHalf}, the most it holds; use float32 or a smaller --variance`,
    );
  const { seed, ...rest } = parameters;
  const numbers = dtype === "float32" ? activations : tensor(dtype, activations.dims, float32ToHalf(activations.data));
  const tensors = { activations: numbers, split, ...(withFeatures ? { true_features: trueFeatures } : {}) };
  return writeSafetensors(tensors, { synthetic: "true", recipe: JSON.stringify(rest), seed: String(seed) });
}
