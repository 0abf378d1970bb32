import type { AnyOptionValues, Options } from "../util/options.ts";
import { adam } from "./adam.ts";
import { momentum } from "./momentum.ts";
import { type AnyOptimizerKind, chain, type Optimizer, sharedOptions } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

/** Every optimizer, by the name that `--optimizer` and files use. */
export const optimizers = { adam, momentum, sgd } as const satisfies Record<string, AnyOptimizerKind>;

export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as readonly OptimizerName[];

/** The options of all optimizers, each with the optimizers that have it; those that all have come with every name. */
export const optimizerOptions: Options = Object.assign(
  {},
  ...Object.values<AnyOptimizerKind>(optimizers).map(({ options }) => options),
  sharedOptions,
);

/** Whether an optimizer has an option. */
export const hasOption = (optimizer: OptimizerName, option: string): boolean =>
  Object.hasOwn(optimizers[optimizer].options, option) || Object.hasOwn(sharedOptions, option);

/** The optimizer of a configuration, from its name and the values of its options. */
export const optimizerFrom = (name: OptimizerName, options: AnyOptionValues): Optimizer =>
  chain(optimizers[name].mover(options), options as Parameters<typeof chain>[1]);
