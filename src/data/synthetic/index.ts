import type { AnyRecipe } from "./recipe.ts";
import { standIn } from "./standIn.ts";
import { synthSaeBench } from "./synthSaeBench.ts";

/** Every recipe, by the name `--recipe` gives it; the first is the default. */
export const recipes = { "stand-in": standIn, synthsaebench: synthSaeBench } as const satisfies Record<
  string,
  AnyRecipe
>;

export type RecipeName = keyof typeof recipes;
