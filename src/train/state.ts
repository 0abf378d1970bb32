import type { TrainConfig } from "../config/config.ts";
import type { OptimizerName } from "../optim/index.ts";
import { optimizers } from "../optim/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { parametersOf } from "../sae/spec.ts";
import { random } from "../util/random.ts";
import { type HostTensor, tensor, zeros } from "../util/tensor.ts";

/**
 * All of a training's state in canonical dense form: parameters (`W_enc`), their optimizer slots (`m.W_enc`), the
 * optimizer's scalars (`m_weight`), and `steps_since_fired [latentDim]`.
 */
export type TrainState = Readonly<Record<string, HostTensor<"float32">>>;

export const optimizerOf = ({ optimizer }: TrainConfig): Optimizer => optimizers[optimizer as OptimizerName];

/** The name of a parameter's optimizer slot in the state. */
export const slotName = (slot: string, parameter: string): string => `${slot}.${parameter}`;

/** Name and shape of every state tensor, parameters first. */
export function stateShapes(config: TrainConfig): Readonly<Record<string, readonly number[]>> {
  const { slots, scalars } = optimizerOf(config);
  const parameters = Object.entries(parametersOf(config)).map(([name, { shape }]) => [name, shape] as const);
  return Object.fromEntries([
    ...parameters,
    ...slots.flatMap((slot) => parameters.map(([name, shape]) => [slotName(slot, name), shape] as const)),
    ...scalars.map((name) => [name, []] as const),
    ["steps_since_fired", [config.latentDim]] as const,
  ]);
}

/** Bytes of a state's numbers. */
export const stateBytes = (config: TrainConfig): number =>
  Object.values(stateShapes(config)).reduce((sum, shape) => sum + 4 * shape.reduce((n, dim) => n * dim, 1), 0);

/** State before the first step: weights drawn from the seed (and, where the architecture says so, the training rows), all else zero. */
export function initialState(config: TrainConfig, activations: HostTensor<"float32">): TrainState {
  const made: Record<string, Float32Array> = {};
  for (const [name, { shape, init }] of Object.entries(parametersOf(config)))
    made[name] = init({ rng: random(config.seed, `init/${name}`), shape, activations, made });
  return Object.fromEntries(
    Object.entries(stateShapes(config)).map(([name, shape]) => [
      name,
      made[name] ? tensor("float32", shape, made[name]) : zeros("float32", shape),
    ]),
  );
}
