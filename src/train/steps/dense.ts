import { gradients } from "../../autodiff/gradients.ts";
import type { TrainConfig } from "../../config/config.ts";
import { scope, type Value } from "../../graph/value.ts";
import { whole } from "../../optim/optimizer.ts";
import type { Padding } from "../../sae/architecture.ts";
import { keepTop, keepTopByMask } from "../../sae/parts.ts";
import { forward, parametersOf } from "../../sae/spec.ts";
import { optimizerOf } from "../state.ts";
import type { StateValues, StepForm } from "./form.ts";
import { projected, stateInputs, stepsSinceFired, totalLoss, updated } from "./update.ts";

type V = Value<"float32">;

/** The plain form: whole weight matrices, whole gradients, every parameter updated at every step; carries the state as it is. */
export const dense: StepForm = {
  name: "dense",
  describe: "every latent at every step; the reference for all other forms",
  grows: false,
  inputs: stateInputs,
  carry: (_config, inputs) => ({ carried: inputs, fixed: {} }),
  given: (carried) => carried,
  step(config, x, carried, _fixed, padding) {
    const state = carried as StateValues;
    const { loss, gradient, code } = lossAndGradients(config, x, state, padding);
    const next = scope("update", () => update(config, state, gradient));
    const steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!, padding));
    return { carried: { ...next, steps_since_fired }, loss };
  },
};

/** The loss of a batch, a scalar, its gradient for every parameter, before any constraint, and the code it comes from. */
export function lossAndGradients(config: TrainConfig, x: V, state: StateValues, padding?: Padding) {
  const params = Object.fromEntries(Object.keys(parametersOf(config)).map((name) => [name, state[name]!]));
  // Padding is for GPUs.
  const { code, xHat } = forward(config, x, params, padding ? keepTop : keepTopByMask);
  const stepsSinceFired = state.steps_since_fired!;
  const loss = totalLoss(config, { x, xHat, code, params, stepsSinceFired, padding });
  return { loss, gradient: gradients(loss, params), code };
}

/** Parameters, slots and scalars after one step. */
function update(config: TrainConfig, state: StateValues, gradient: StateValues): StateValues {
  const scalars = scope("schedule", () => optimizerOf(config).advance(state));
  const next: Record<string, V> = { ...scalars };
  for (const [name, g] of Object.entries(gradient))
    scope(name, () => {
      const own = whole(projected(config, name, state[name]!, g));
      Object.assign(next, updated(config, name, state, { gradient: own, scalars }));
    });
  return next;
}
