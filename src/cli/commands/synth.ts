import type { Options } from "yargs";
import { writeWhole } from "../../data/files.ts";
import { float32ToHalf } from "../../data/half.ts";
import { writeSafetensors } from "../../data/safetensors.ts";
import { type Recipe, recipe, type Synthesis, synthesize } from "../../data/synthetic.ts";
import { readIfThere } from "../../pipeline/existing.ts";
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
    out: { type: "string", demandOption: true, describe: "file to write, .safetensors" },
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
    ...recipeFlags,
    force: { type: "boolean", default: false, describe: "replace a file that holds something else" },
    json: flags.json,
  },
  examples: [
    ["$0 synth --out acts.safetensors", "a stand-in for the experiment's activations, 7473 x 2048"],
    ["$0 synth --out small.safetensors --rows 2000 --input-dim 64 --features 128", "small, to try things"],
  ],
  async run(given) {
    const { out, rows, features, seed, dtype, force } = given;
    if (!/\.safetensors$/i.test(out))
      throw new ConfigError(`--out: must end in .safetensors, got "${out}"; other formats cannot hold the metadata`);
    const before = force ? undefined : await readIfThere(out);
    const numbers = Object.fromEntries(recipeNames.map((name) => [name, given[kebab(name)]])) as unknown as Recipe;
    const trainRows = given["train-rows"];
    const made = synthesize({
      ...{ ...numbers, rows, inputDim: given["input-dim"], features, seed },
      ...(trainRows === undefined ? {} : { trainRows }),
    });
    if (dtype === "float16" && made.activations.data.some((v) => Math.abs(v) > largestHalf))
      throw new ConfigError(
        `--dtype float16: some activations are above ${largestHalf}, the most it holds; use float32 or a smaller --variance`,
      );
    const bytes = fileOf(made, dtype);
    const same = before !== undefined && Buffer.compare(before, bytes) === 0;
    if (before && !same)
      throw new ConfigError(`${out}: is there and holds something else; use --force to replace it, or another --out`);
    if (!same) await writeWhole(out, bytes);
    if (given.quiet !== true) note(`${out}: ${same ? "already there" : `${bytes.length} bytes`}`);
    if (given.json) print(JSON.stringify({ path: out, bytes: bytes.length, dtype, ...made.parameters }, null, 1));
  },
});

/** The file's bytes; the metadata say that it is synthetic, and every number that went in. */
function fileOf({ activations, split, trueFeatures, parameters }: Synthesis, dtype: "float32" | "float16") {
  const { seed, ...rest } = parameters;
  const numbers = dtype === "float32" ? activations : tensor(dtype, activations.dims, float32ToHalf(activations.data));
  const tensors = { activations: numbers, split, true_features: trueFeatures };
  return writeSafetensors(tensors, { synthetic: "true", recipe: JSON.stringify(rest), seed: String(seed) });
}
