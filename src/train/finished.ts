import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../config/config.ts";
import { parametersOf, statesOf } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { folded } from "./scaling.ts";
import { emaName, type TrainState } from "./state.ts";
import type { TrainProgress } from "./train.ts";

/** What a checkpoint says besides, where it is known. */
export type AboutCheckpoint = Partial<Pick<Checkpoint, "dataDigest" | "layer" | "position" | "origin" | "metrics">>;

/**
 * The checkpoint of a finished training, as `freeze` and `writeCheckpoint` take it.
 * @throws {ConfigError} when epochs are left.
 */
export function finishedCheckpoint(
  config: TrainConfig,
  { state, loss, epochsDone }: Pick<TrainProgress, "state" | "loss" | "epochsDone">,
  about: AboutCheckpoint = {},
): Checkpoint {
  if (epochsDone < config.epochs)
    throw new ConfigError(
      `the training has done ${epochsDone} of ${config.epochs} epochs; go on by train's from, or configure as many epochs as are done`,
    );
  const unknown = { dataDigest: "", layer: null, position: null, metrics: {} };
  return { ...unknown, ...about, config, tensors: finishedTensors(config, state), epochsDone, loss };
}

/** What a finished SAE is made of: the last weights or their running means, and its state, in units of the rows as they are. */
export function finishedTensors(config: TrainConfig, state: TrainState): TrainState {
  const parameters = Object.keys(parametersOf(config)).map(
    (name) => [name, state[config.ema > 0 ? emaName(name) : name]!] as const,
  );
  const states = Object.keys(statesOf(config)).map((name) => [name, state[name]!] as const);
  return folded(config, state, Object.fromEntries([...parameters, ...states]));
}
