import { isScheduled, type TrainConfig } from "../../config/config.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import type { Drift, Optimizer } from "../../optim/optimizer.ts";
import type { Code, LossContext, Padding } from "../../sae/architecture.ts";
import { auxiliaryLoss, deadMask, preOfDead, strongestDead } from "../../sae/auxiliary.ts";
import { type Constraint, constraints } from "../../sae/constraints.ts";
import { architectureOf } from "../../sae/spec.ts";
import { scaledBatch } from "../scaling.ts";
import { optimizerOf, slotName, stateShapes } from "../state.ts";
import type { Batch, StateValues } from "./form.ts";
import { learningRateNow, sparsityNow } from "./scheduled.ts";

type V = Value<"float32">;

/** The canonical state as inputs of a training graph. */
export const stateInputs = (config: TrainConfig): StateValues =>
  Object.fromEntries(Object.entries(stateShapes(config)).map(([name, shape]) => [name, op.input("float32", shape)]));

/** A batch as the SAE sees it. The configuration may ask for scaling and centring. */
export function seen({ x, target, padding }: Batch, state: StateValues): Batch {
  const input = scaledBatch(x, state, "input");
  return { x: input, target: target === x ? input : scaledBatch(target, state, "target"), padding };
}

type Known = "options" | "dims" | "sparsity" | "stepsSinceFired" | "state";
/** What losses are made of. With `auxK` a form may bring the revived latents itself. */
type LossParts = Omit<LossContext<StateValues, never, never>, Known> & {
  readonly revived?: (() => Revived) | undefined;
};

/** Dead latents that are to learn: the strongest of each row, `z`, and the mask of all dead ones. */
export interface Revived {
  readonly z: V;
  readonly dead: V;
}

/** The losses by name, scalars: the architecture's own, and with `auxK` the auxiliary loss of dead latents. */
export function lossesOf(
  config: TrainConfig,
  state: StateValues,
  { revived = () => revivedOf(config, state, context), ...context }: LossParts,
): StateValues {
  const { options, auxK, auxCoefficient } = config;
  const stepsSinceFired = state.steps_since_fired!;
  const sparsity = sparsityNow(config, state);
  const known = { options, dims: config, sparsity, stepsSinceFired, state };
  const own = architectureOf(config).losses({ ...context, ...known });
  if (auxK === 0) return own;
  const { target, xHat, params, padding } = context;
  const auxiliary = scope("auxiliary", () =>
    auxiliaryLoss({ ...revived(), target, xHat, W_dec: params.W_dec!, padding }),
  );
  return { ...own, auxiliary: op.mul(auxiliary, auxCoefficient) };
}

function revivedOf(config: TrainConfig, state: StateValues, { x, params }: Pick<LossParts, "x" | "params">): Revived {
  const revival = architectureOf(config).revival!(config.options);
  const dead = deadMask(state.steps_since_fired!, config.deadSteps);
  return { z: strongestDead(preOfDead(revival, x, params, config), dead, config.auxK, revival.by), dead };
}

/** The sum of all losses, a scalar. */
export const totalLoss = (config: TrainConfig, state: StateValues, context: LossParts): V =>
  scope("loss", () => Object.values(lossesOf(config, state, context)).reduce((sum, one) => op.add(sum, one)));

/** What all parameters share in a step: the optimizer's new scalars, the step count, and the learning rate. */
export function shared(config: TrainConfig, state: StateValues) {
  return scope("schedule", () => {
    const scalars = optimizerOf(config).advance(state);
    const counted: StateValues = isScheduled(config) ? { steps_done: op.add(state.steps_done!, 1) } : {};
    return { scalars, counted, learningRate: learningRateNow(config, state) };
  });
}

/** The constraint of a parameter, if it has one. */
export function constraintOf(config: TrainConfig, name: string): Constraint | undefined {
  const constraint = architectureOf(config).constraints(config.options)[name];
  return constraint && constraints[constraint];
}

/** The gradient, after the parameter's constraint has taken its share off it. */
export const projected = (config: TrainConfig, name: string, parameter: V, gradient: V): V =>
  constraintOf(config, name)?.gradient(parameter, gradient) ?? gradient;

/** A parameter and its slots after a step: the optimizer's update, then the constraint. They are whole tensors, or some rows of them. */
export function updated(
  config: TrainConfig,
  name: string,
  before: StateValues,
  given: Pick<Parameters<Optimizer["update"]>[0], "gradient" | "scales" | "scalars" | "learningRate">,
): StateValues {
  const optimizer = optimizerOf(config);
  const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, before[slotName(slot, name)]!]));
  const after = optimizer.update({ ...given, parameter: before[name]!, slots });
  return {
    [name]: constrained(config, name, after.parameter),
    ...Object.fromEntries(Object.entries(after.slots).map(([slot, value]) => [slotName(slot, name), value])),
  };
}

/** Some rows of a parameter after a step in which they got no gradient. */
export function drifted(config: TrainConfig, name: string, before: Parameters<Drift["step"]>[0]): V {
  return constrained(config, name, optimizerOf(config).drift.step(before));
}

function constrained(config: TrainConfig, name: string, parameter: V): V {
  const constraint = constraintOf(config, name);
  return constraint ? scope("constraint", () => constraint.apply(parameter)) : parameter;
}

/**
 * Steps since each latent fired. A latent that is non-zero in some row of the batch gets 0. All others count one more.
 *
 * A padded batch means a provider with fixed shapes. There, all of z is summed up instead of scattering the kept values:
 * WebGPU cannot reshape integers, and CUDA adds scattered numbers in any order.
 */
export function stepsSinceFired({ z, top, kept }: Code, before: V, padding?: Padding): V {
  const nonZero = (x: V) => op.cast(op.not(op.equal(x, 0)), "float32");
  const overRows = (x: V) => op.reduceSum(nonZero(x), { axes: [0] });
  const overKept = (values: V, latents: Value<"int64">) =>
    op.scatterElements(op.zerosLike(before), op.reshape(latents, [-1]), op.reshape(nonZero(values), [-1]), {
      axis: 0,
      reduction: "add",
    });
  const counts = () => {
    if (padding) return overRows(op.mul(z, padding.mask));
    if (kept) return overKept(kept.values, kept.latents);
    return top ? overKept(top.values, top.indices) : overRows(z);
  };
  return op.where(op.greater(counts(), 0), 0, op.add(before, 1));
}
