import type { TrainConfig } from "../config/config.ts";
import { parametersOf, statesOf } from "../sae/spec.ts";
import { folded } from "./scaling.ts";
import { emaName, type TrainState } from "./state.ts";

/** What a finished SAE is made of: the last weights or their running means, and its state, in units of the rows as they are. */
export function finishedTensors(config: TrainConfig, state: TrainState): TrainState {
  const parameters = Object.keys(parametersOf(config)).map(
    (name) => [name, state[config.ema > 0 ? emaName(name) : name]!] as const,
  );
  const states = Object.keys(statesOf(config)).map((name) => [name, state[name]!] as const);
  return folded(config, state, Object.fromEntries([...parameters, ...states]));
}
