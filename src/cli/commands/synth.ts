import { join } from "node:path";
import type { Options } from "yargs";
import { writeWhole } from "../../data/files.node.ts";
import { float32ToHalf } from "../../data/half.ts";
import { locked } from "../../data/lock.node.ts";
import { writeSafetensors } from "../../data/safetensors.ts";
import { type RecipeName, recipes } from "../../data/synthetic/index.ts";
import type { RecipeNumber } from "../../data/synthetic/recipe.ts";
import {
  type Synthesis,
  type SynthesisRequest,
  synthesize,
  synthesizeShards,
} from "../../data/synthetic/synthesize.ts";
import { readIfThere } from "../../pipeline/existing.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { tensor } from "../../util/tensor.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

/** Largest float16. */
const largestHalf = 65504;
const recipeNames = Object.keys(recipes) as RecipeName[];
const usual = recipeNames[0]!;

/** The numbers of all recipes, and for each the recipes that have it. */
const numbers = new Map<string, { readonly of: RecipeName; readonly number: RecipeNumber }[]>();
for (const of of recipeNames)
  for (const [name, number] of Object.entries(recipes[of].numbers))
    numbers.set(name, [...(numbers.get(name) ?? []), { of, number }]);

/** What each recipe takes where nothing is given: `0.9; synthsaebench: 0.4`. */
const defaults = (of: readonly (readonly [RecipeName, number])[]): string =>
  `[default: ${of.map(([name, value]) => (name === usual ? value : `${name}: ${value}`)).join("; ")}]`;

/** A flag for every number of every recipe. Its default depends on the recipe, so it is only told. */
const recipeFlags = Object.fromEntries(
  [...numbers].map(([name, owners]) => [
    flags.kebab(name),
    {
      type: "number",
      group: owners[0]!.of === usual ? `Numbers of ${usual}` : `Numbers of ${owners[0]!.of}`,
      describe: `${owners[0]!.number.describe} ${defaults(owners.map(({ of, number }) => [of, number.default]))}`,
    } as Options,
  ]),
);

const sizeFlag = (name: "rows" | "inputDim" | "features", describe: string) =>
  ({
    type: "number",
    describe: `${describe} ${defaults(recipeNames.map((of) => [of, recipes[of].sizes[name]]))}`,
  }) as const satisfies Options;

export const synth = defineCommand({
  command: "synth",
  options: {
    out: { type: "string", demandOption: true, describe: "file to write, .safetensors; with --shards a folder" },
    recipe: {
      choices: recipeNames,
      default: usual,
      describe: recipeNames.map((name) => `${name}: ${recipes[name].source}`).join("; "),
    },
    rows: sizeFlag("rows", "rows"),
    "train-rows": { type: "number", describe: "the first so many rows train, the rest validate [default: 80%]" },
    "input-dim": sizeFlag("inputDim", "width of the activations"),
    features: sizeFlag("features", "true features the activations are made of"),
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
    ["$0 synth --recipe synthsaebench --out bench --shards 10 --rows 1000000", "correlated features in trees"],
    ["$0 synth --out small.safetensors --rows 2000 --input-dim 64 --features 128", "small, to try things"],
  ],
  async run(given) {
    const { out, rows, features, seed, dtype, force, recipe } = given;
    const request: SynthesisRequest = {
      ...Object.fromEntries([...numbers.keys()].map((name) => [name, given[flags.kebab(name)] as number | undefined])),
      ...{ rows, trainRows: given["train-rows"], inputDim: given["input-dim"], features, seed },
    };
    const say = given.quiet === true ? () => {} : note;
    if (given.shards !== undefined) {
      const { bytes, parameters } = await writeShards(request, given.shards, { recipe, out, dtype, force, say });
      if (given.json) print(JSON.stringify({ path: out, shards: given.shards, bytes, dtype, ...parameters }, null, 1));
      return;
    }
    if (!/\.safetensors$/i.test(out))
      throw new ConfigError(`--out: must end in .safetensors, got "${out}"; other formats cannot hold the metadata`);
    const made = synthesize(request, recipe);
    const bytes = await write(out, fileOf(made, { recipe, dtype }, true), { force, say });
    if (given.json) print(JSON.stringify({ path: out, bytes, dtype, ...made.parameters }, null, 1));
  },
});

interface Writing {
  readonly recipe: RecipeName;
  readonly out: string;
  readonly dtype: "float32" | "float16";
  readonly force: boolean;
  readonly say: (text: string) => void;
}

/** Writes shard after shard, none kept in memory; the dictionary goes into the first one. */
async function writeShards(request: SynthesisRequest, shards: number, writing: Writing) {
  const { recipe, out, dtype, force, say } = writing;
  let [bytes, shard] = [0, 0];
  let parameters: Synthesis["parameters"] | undefined;
  for (const made of synthesizeShards(request, shards, recipe)) {
    const path = join(out, `shard-${String(shard).padStart(String(shards - 1).length, "0")}.safetensors`);
    bytes += await write(path, fileOf(made, { recipe, dtype }, shard === 0), { force, say });
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
  { activations, split, trueFeatures, trueParents, trueActive, parameters }: Synthesis,
  { recipe, dtype }: Pick<Writing, "recipe" | "dtype">,
  withFeatures: boolean,
) {
  if (dtype === "float16" && activations.data.some((v) => Math.abs(v) > largestHalf))
    throw new ConfigError(
      `--dtype float16: some activations are above ${largestHalf}, the most it holds; use float32 or smaller magnitudes`,
    );
  const { seed, ...rest } = parameters;
  const stored = dtype === "float32" ? activations : tensor(dtype, activations.dims, float32ToHalf(activations.data));
  const tensors = {
    ...{ activations: stored, split },
    ...(withFeatures ? { true_features: trueFeatures } : {}),
    ...(withFeatures && trueParents ? { true_parents: trueParents } : {}),
    ...(trueActive ? { true_active: trueActive } : {}),
  };
  const name = recipe === usual ? {} : { recipe_name: recipe };
  return writeSafetensors(tensors, { synthetic: "true", recipe: JSON.stringify(rest), ...name, seed: String(seed) });
}
