import type { HostTensor } from "../../util/tensor.ts";

/** One number of a recipe: its default, the range it may have, and what it says. */
export interface RecipeNumber {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly integer?: true;
  /** The most that goes with the sizes and the other numbers; where nobody gave it, a default above is lowered to it. */
  readonly fits?: (others: Readonly<Record<string, number>>) => number;
  readonly describe: string;
}

export type RecipeNumbers = Readonly<Record<string, RecipeNumber>>;

/** What every recipe has besides its own numbers. */
export interface Sizes {
  readonly rows: number;
  readonly inputDim: number;
  /** Number of true features. */
  readonly features: number;
}

/** All that goes into a making: sizes, seed, and a value for each number of the recipe. */
export type RecipeValues<N> = Sizes & {
  /** The first so many rows train, the rest validate. */
  readonly trainRows: number;
  readonly seed: number;
} & { readonly [name in keyof N]: number };

/** Some rows, and of which true features each was made, where a recipe can say. */
export interface MadeRows {
  /** `[count, inputDim]`. */
  readonly x: Float32Array<ArrayBuffer>;
  /** Numbers of the true features in each row, ascending. */
  readonly active?: readonly Int32Array[];
}

/** A known dictionary, and rows made from it. */
export interface Source {
  /** `[features, inputDim]`, unit rows: the directions an SAE should find. */
  readonly trueFeatures: HostTensor<"float32">;
  /** The feature without which each one cannot fire, -1 for none; `[features]`. */
  readonly parents?: Int32Array<ArrayBuffer>;
  /** So many rows; called for shard 0, 1, 2, ... in turn. */
  readonly shard: (count: number, shard: number) => MadeRows;
}

/** A way to make synthetic activations. One file each, listed in index.ts. */
export interface Recipe<N extends RecipeNumbers> {
  /** In one line, what is made and who described it. */
  readonly source: string;
  readonly sizes: Sizes;
  readonly numbers: N;
  /** @throws {ConfigError} when the numbers, each in its range, do not go together. */
  readonly check: (values: RecipeValues<N>) => void;
  readonly open: (values: RecipeValues<N>) => Source;
}

/** A recipe as the rest of the code sees it. */
export type AnyRecipe = Recipe<RecipeNumbers>;

/** A recipe, checked: a number that is read but not listed does not compile. */
export const defineRecipe = <const N extends RecipeNumbers>(recipe: Recipe<N>): AnyRecipe =>
  recipe as unknown as AnyRecipe;
