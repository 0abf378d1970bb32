import { isScheduled, type TrainConfig } from "../config/config.ts";
import { optimizerFrom } from "../optim/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { copyOf, geometricMedian, type Init, meanRow, zeros as zeroStart } from "../sae/init.ts";
import { parametersOf, statesOf } from "../sae/spec.ts";
import type { AnyOptionValues } from "../util/options.ts";
import { random } from "../util/random.ts";
import { type HostTensor, sizeOf, tensor, zeros } from "../util/tensor.ts";
import { type Rows, residentOf } from "./rows.ts";
import { scaledRows, scalingOf, scalingShapes, unfolded } from "./scaling.ts";

/**
 * All that a training carries from step to step, in canonical dense form. Every state has:
 *
 * - the parameters, such as `W_enc`
 * - the optimizer's slots of each parameter, such as `m.W_enc`
 * - the optimizer's scalars, such as `m_weight`
 * - `steps_since_fired [latentDim]`
 *
 * Some configurations add:
 *
 * - the architecture's own state, such as `threshold`
 * - running means of the parameters, such as `ema.W_enc`
 * - `steps_done`, when there is a schedule
 * - `input_mean` and `input_scale`, when inputs are scaled
 */
export type TrainState = Readonly<Record<string, HostTensor<"float32">>>;

export const optimizerOf = (config: TrainConfig): Optimizer =>
  optimizerFrom(config.optimizer, config as unknown as AnyOptionValues);

/** The name of a parameter's optimizer slot in the state. */
export const slotName = (slot: string, parameter: string): string => `${slot}.${parameter}`;

/** The name of a parameter's running mean in the state. */
export const emaName = (parameter: string): string => `ema.${parameter}`;

/** Name and shape of every state tensor, parameters first. */
export function stateShapes(config: TrainConfig): Readonly<Record<string, readonly number[]>> {
  const { slots, scalars } = optimizerOf(config);
  const parameters = Object.entries(parametersOf(config)).map(([name, { shape }]) => [name, shape] as const);
  const each = (rename: (name: string) => string) => parameters.map(([name, shape]) => [rename(name), shape] as const);
  return Object.fromEntries([
    ...parameters,
    ...slots.flatMap((slot) => each((name) => slotName(slot, name))),
    ...scalars.map((name) => [name, []] as const),
    ["steps_since_fired", [config.latentDim]] as const,
    ...Object.entries(statesOf(config)).map(([name, { shape }]) => [name, shape] as const),
    ...(config.ema > 0 ? each(emaName) : []),
    ...(isScheduled(config) ? [["steps_done", []] as const] : []),
    ...Object.entries(scalingShapes(config)),
  ]);
}

/** The size of a state in bytes. */
export const stateBytes = (config: TrainConfig): number =>
  Object.values(stateShapes(config)).reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);

const biasStarts: Readonly<Record<string, Init>> = {
  zeros: zeroStart,
  mean: meanRow,
  "geometric-median": geometricMedian,
};

/** How a parameter starts. The configuration may replace the architecture's own choice. */
function initOf({ biasStart, tiedStart }: TrainConfig, name: string, own: Init): Init {
  if (name === "b_dec") return biasStarts[biasStart] ?? own;
  if (name === "W_enc" && tiedStart === "yes") return copyOf("W_dec");
  return own;
}

/**
 * The state before the first step. Parameters are drawn from the seed; some starts also use the training rows.
 * With `start`, parameters come from there instead, by name. Slots and scalars start at zero.
 */
export function initialState(config: TrainConfig, given: Rows, start?: TrainState | undefined): TrainState {
  const rows = residentOf(given);
  const scaling = scalingOf(config, rows);
  const { targets = rows.activations } = rows;
  const seen = scaledRows(targets, scaling, config.outputDim === undefined ? "input" : "target");
  const own = start && unfolded(config, scaling, start);
  const made: Record<string, Float32Array> = {};
  // Each parameter draws from its own stream, so their order is free. A copy must come after what it copies.
  const parameters = Object.entries(parametersOf(config));
  if (config.tiedStart === "yes") parameters.sort(([a], [b]) => Number(a === "W_enc") - Number(b === "W_enc"));
  for (const [name, { shape, init }] of parameters)
    made[name] =
      own?.[name]?.data.slice() ??
      initOf(config, name, init)({ rng: random(config.seed, `init/${name}`), shape, targets: seen, made });
  if (config.ema > 0) for (const [name] of parameters) made[emaName(name)] = made[name]!;
  for (const [name, { shape, start }] of Object.entries(statesOf(config)))
    made[name] = own?.[name]?.data ?? new Float32Array(sizeOf(shape)).fill(start);
  for (const [name, { data }] of Object.entries(scaling)) made[name] = data;
  return Object.fromEntries(
    Object.entries(stateShapes(config)).map(([name, shape]) => [
      name,
      made[name] ? tensor("float32", shape, made[name]) : zeros("float32", shape),
    ]),
  );
}
