import { gradients } from "../../autodiff/gradients.ts";
import type { TrainConfig } from "../../config/config.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import { whole } from "../../optim/optimizer.ts";
import type { Code, Padding } from "../../sae/architecture.ts";
import { keepTop, keepTopByMask } from "../../sae/select.ts";
import { architectureOf, decode, encode, parametersOf, skipped } from "../../sae/spec.ts";
import { emaName, optimizerOf } from "../state.ts";
import type { Batch, StateValues, StepForm } from "./form.ts";
import { progressNow, sparsityNow } from "./scheduled.ts";
import { projected, seen, shared, stateInputs, stepsSinceFired, totalLoss, updated } from "./update.ts";

type V = Value<"float32">;

/** The plain form: whole weight matrices, whole gradients, every parameter updated at every step; carries the state as it is. */
export const dense: StepForm = {
  name: "dense",
  describe: "every latent at every step; the reference for all other forms",
  grows: false,
  inputs: stateInputs,
  carry: (_config, inputs) => ({ carried: inputs, fixed: {} }),
  given: (carried) => carried,
  step(config, batch, carried) {
    const state = carried as StateValues;
    const { loss, gradient, code, padding } = lossAndGradients(config, batch, state);
    const next = scope("update", () => update(config, state, gradient));
    const steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!, padding));
    const own = scope("state", () => nextState(config, code, state, padding));
    return { carried: { ...state, ...next, steps_since_fired, ...own }, loss };
  },
};

/** The loss of a batch, a scalar, its gradient for every parameter, before any constraint, and the code it comes from. */
export function lossAndGradients(config: TrainConfig, batch: Batch, state: StateValues) {
  const { x, target, padding } = seen(batch, state);
  const params = Object.fromEntries(Object.keys(parametersOf(config)).map((name) => [name, state[name]!]));
  const sparsity = scope("schedule", () => sparsityNow(config, state));
  // Padding is for GPUs.
  const keep = padding ? keepTop : keepTopByMask;
  const code = encode(config, x, params, { mode: "train", state, sparsity, keep, padding });
  const beside = skipped(config, x, params);
  const xHat = decode(config, code.z, params, beside);
  const loss = totalLoss(config, state, { x, target, xHat, beside, code, params, padding });
  return { loss, gradient: gradients(loss, params), code, padding };
}

/** Parameters, slots, scalars and running means after one step. */
function update(config: TrainConfig, state: StateValues, gradient: StateValues): StateValues {
  const { scalars, counted, learningRate } = shared(config, state);
  const next: Record<string, V> = { ...scalars, ...counted };
  const free = Object.fromEntries(
    Object.entries(gradient).map(([name, g]) => [name, scope(name, () => projected(config, name, state[name]!, g))]),
  );
  for (const [name, g] of Object.entries(scope("clip", () => optimizerOf(config).gradients(free))))
    scope(name, () => {
      const after = updated(config, name, state, { gradient: whole(g), scalars, learningRate });
      Object.assign(next, after);
      if (config.ema > 0) next[emaName(name)] = runningMean(state[emaName(name)]!, after[name]!, config.ema);
    });
  return next;
}

/** mean + (1 - kept) (value - mean). */
const runningMean = (mean: V, value: V, kept: number): V => op.add(mean, op.mul(op.sub(value, mean), 1 - kept));

/** What the architecture carries without a gradient, after one step. */
const nextState = (config: TrainConfig, code: Code, state: StateValues, padding: Padding | undefined): StateValues =>
  architectureOf(config).state?.next({
    ...{ code, state, options: config.options, padding },
    progress: progressNow(config, state),
  }) ?? {};
