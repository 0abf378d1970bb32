import { adam } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

/** Every optimizer, by name. */
export const optimizers = { adam, sgd } as const satisfies Record<string, Optimizer>;

export type OptimizerName = keyof typeof optimizers;
