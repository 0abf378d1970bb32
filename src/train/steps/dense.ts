import { gradients } from "../../autodiff/gradients.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import type { Code } from "../../sae/architecture.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { constraints } from "../../sae/constraints.ts";
import { architectureOf, forward, parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName } from "../state.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;

/** The plain form: whole weight matrices, whole gradients, every parameter updated at every step. */
export const dense: StepForm = {
  name: "dense",
  describe: "every latent at every step; the reference for all other forms",
  step(config, x, state) {
    const { loss, gradient, code } = lossAndGradients(config, x, state);
    const updated = scope("update", () => update(config, state, gradient));
    return { state: { ...updated, steps_since_fired: scope("fired", () => stepsSinceFired(code, state)) }, loss };
  },
};

/** The loss of a batch and its gradient for every parameter, before any constraint. */
export function lossAndGradients(config: TrainConfig, x: V, state: StateValues) {
  const sae = architectureOf(config);
  const params = parameterValues(config, state);
  const { code, xHat } = forward(config, x, params);
  const loss = scope("loss", () => {
    const context = { x, xHat, code, params, options: config.options, stepsSinceFired: state.steps_since_fired! };
    return Object.values(sae.losses(context)).reduce((sum, one) => op.add(sum, one));
  });
  return { loss, gradient: gradients(loss, params), code };
}

const parameterValues = (config: TrainConfig, state: StateValues): StateValues =>
  Object.fromEntries(Object.keys(parametersOf(config)).map((name) => [name, state[name]!]));

/** Parameters, slots and scalars after the optimizer and the constraints. */
function update(config: TrainConfig, state: StateValues, gradient: StateValues): StateValues {
  const optimizer = optimizerOf(config);
  const constrained = architectureOf(config).constraints(config.options);
  const scalars = scope("schedule", () => optimizer.advance(state));
  const learningRate = op.scalarOf("float32", config.learningRate);
  const next: Record<string, V> = { ...scalars };
  for (const [name, g] of Object.entries(gradient))
    scope(name, () => {
      const parameter = state[name]!;
      const constraint = constrained[name] && constraints[constrained[name]];
      const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, state[slotName(slot, name)]!]));
      const projected = constraint ? constraint.gradient(parameter, g) : g;
      const step = optimizer.update({ parameter, gradient: projected, slots, scalars, learningRate });
      next[name] = constraint ? scope("constraint", () => constraint.apply(step.parameter)) : step.parameter;
      for (const [slot, value] of Object.entries(step.slots)) next[slotName(slot, name)] = value;
    });
  return next;
}

/** 0 for a latent that is non-zero somewhere in the batch, one more than before for the others. */
function stepsSinceFired({ z, top }: Code, { steps_since_fired }: StateValues): V {
  const before = steps_since_fired!;
  const nonZero = (x: V) => op.cast(op.not(op.equal(x, 0)), "float32");
  const counts = top
    ? op.scatterElements(op.zerosLike(before), op.reshape(top.indices, [-1]), op.reshape(nonZero(top.values), [-1]), {
        axis: 0,
        reduction: "add",
      })
    : op.reduceSum(nonZero(z), { axes: [0] });
  return op.where(op.greater(counts, 0), 0, op.add(before, 1));
}
