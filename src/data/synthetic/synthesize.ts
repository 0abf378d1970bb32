import { ConfigError } from "../../util/errors.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { filledUp } from "../truth.ts";
import { type RecipeName, recipes } from "./index.ts";
import type { AnyRecipe, RecipeNumbers, RecipeValues } from "./recipe.ts";

/**
 * The shape of what is to be made, its seed, and any numbers of the recipe that differ from the default. `rows`, `inputDim`, `features`
 * (how many true ones): default the recipe's. `trainRows`: the first so many train, the rest validate; default 80 %, rounded down.
 * `seed`: default 0.
 */
export type SynthesisRequest = Readonly<Partial<Record<string, number>>>;

/** Synthetic activations and the dictionary they are made of. */
export interface Synthesis {
  /** `[rows, inputDim]`. */
  readonly activations: HostTensor<"float32">;
  /** `[rows]`: 0 trains, 1 validates. */
  readonly split: HostTensor<"int32">;
  /** `[features, inputDim]`, unit rows: the directions an SAE should find. */
  readonly trueFeatures: HostTensor<"float32">;
  /** `[features]`: the feature without which each one cannot fire, -1 for none; where the recipe has trees. */
  readonly trueParents?: HostTensor<"int32">;
  /** `[rows, most]`: which true features are in each row, ascending, filled up with -1; where the recipe can say. */
  readonly trueActive?: HostTensor<"int32">;
  /** Every number that went in. */
  readonly parameters: RecipeValues<RecipeNumbers>;
}

/** Most entries of the activations, and of the dictionary: 2 GiB of float32. */
const maxEntries = 2 ** 29;

/**
 * Activations made from known features by a recipe; synthetic, so say so wherever their numbers appear. The same request gives the
 * same numbers.
 * @throws {ConfigError} when a number is out of range, is not one of the recipe, or they do not go together.
 */
export function synthesize(request: SynthesisRequest = {}, recipe: RecipeName = "stand-in"): Synthesis {
  return synthesizeShards(request, 1, recipe).next().value as Synthesis;
}

/**
 * The same, cut into shards of equal rows (the last one shorter), made one at a time: so many rows need not fit in memory at
 * once. All have one dictionary; the first shard's rows are what `synthesize` would give for as many.
 * @throws {ConfigError} as `synthesize`, and when a shard would have no row.
 */
export function* synthesizeShards(
  request: SynthesisRequest,
  shards: number,
  recipe: RecipeName = "stand-in",
): Generator<Synthesis, void> {
  if (!Number.isSafeInteger(shards) || shards < 1)
    throw new ConfigError(`synthesize: shards must be an integer of at least 1, got ${shards}`);
  const parameters = complete(request, shards, recipe);
  const { rows, trainRows, inputDim } = parameters;
  const perShard = Math.ceil(rows / shards);
  if ((shards - 1) * perShard >= rows)
    throw new ConfigError(`synthesize: ${rows} rows do not fill ${shards} shards of ${perShard}; ask for fewer shards`);
  const { trueFeatures, parents, shard: make } = recipes[recipe].open(parameters);
  for (let from = 0, shard = 0; from < rows; from += perShard, shard++) {
    const count = Math.min(perShard, rows - from);
    const { x, active } = make(count, shard);
    yield {
      activations: tensor("float32", [count, inputDim], x),
      split: tensor(
        "int32",
        [count],
        Int32Array.from({ length: count }, (_, row) => (from + row < trainRows ? 0 : 1)),
      ),
      trueFeatures,
      ...(parents ? { trueParents: tensor("int32", [parents.length], parents) } : {}),
      ...(active ? { trueActive: filledUp(active) } : {}),
      parameters,
    };
  }
}

const shape = ["rows", "trainRows", "inputDim", "features", "seed"] as const;

/** Every number, checked. */
function complete(request: SynthesisRequest, shards: number, recipe: RecipeName): Synthesis["parameters"] {
  if (!Object.hasOwn(recipes, recipe))
    throw new ConfigError(`synthesize: recipe must be one of ${Object.keys(recipes).join(", ")}, got ${recipe}`);
  const { sizes, numbers, check }: AnyRecipe = recipes[recipe];
  const foreign = Object.keys(request).find(
    (name) =>
      request[name] !== undefined && !(shape as readonly string[]).includes(name) && !Object.hasOwn(numbers, name),
  );
  if (foreign !== undefined)
    throw new ConfigError(
      `synthesize: ${foreign} is no number of the recipe ${recipe}; it has ${Object.keys(numbers).join(", ")}`,
    );
  const count = (name: (typeof shape)[number], usual: number, min: number) => {
    const value = request[name] ?? usual;
    if (!Number.isSafeInteger(value) || value < min)
      throw new ConfigError(`synthesize: ${name} must be an integer of at least ${min}, got ${value}`);
    return value;
  };
  const rows = count("rows", sizes.rows, 2);
  const trainRows = count("trainRows", Math.floor(0.8 * rows), 1);
  const inputDim = count("inputDim", sizes.inputDim, 2);
  const features = count("features", sizes.features, 1);
  if (trainRows >= rows)
    throw new ConfigError(`synthesize: trainRows must be from 1 to ${rows - 1} of ${rows} rows, got ${trainRows}`);
  for (const [name, height] of [
    ["rows", Math.ceil(rows / shards)],
    ["features", features],
  ] as const)
    if (height * inputDim > maxEntries)
      throw new ConfigError(
        `synthesize: ${name} = ${height} by inputDim = ${inputDim} are more than ${maxEntries} numbers; ask for fewer${name === "rows" ? ", or for more shards" : ""}`,
      );
  const known = {
    inputDim,
    features,
    ...Object.fromEntries(Object.entries(numbers).map(([name, one]) => [name, request[name] ?? one.default])),
  };
  const values = Object.entries(numbers).map(([name, { default: usual, min, max, integer, fits }]) => {
    const value = request[name] ?? Math.min(usual, fits?.(known) ?? usual);
    if (!(value >= min && value <= max) || (integer && !Number.isInteger(value)))
      throw new ConfigError(
        `synthesize: ${name} must be ${integer ? "an integer" : "a number"} from ${min} to ${max}, got ${value}`,
      );
    return [name, value] as const;
  });
  const parameters = {
    ...{ rows, trainRows, inputDim, features, seed: count("seed", 0, 0) },
    ...Object.fromEntries(values),
  };
  check(parameters);
  return parameters;
}
