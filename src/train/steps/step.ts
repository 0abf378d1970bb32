import type { Values } from "../../graph/control.ts";
import type { Value } from "../../graph/value.ts";
import type { Padding } from "../../sae/architecture.ts";
import type { StepName, TrainConfig } from "../../sae/config.ts";

type V = Value<"float32">;

/** The canonical state inside a graph, by the names of `stateShapes`. */
export type StateValues = Readonly<Record<string, V>>;

/**
 * One way to write a training step. All forms compute the same numbers to float rounding; `dense` is the reference.
 * A form may carry the state from step to step in a shape of its own: `carry` makes it of the canonical state when a run
 * starts, `canonical` turns it back when the run ends. `origin` is the canonical state as it was when the run started.
 */
export interface StepForm {
  readonly name: StepName;
  readonly describe: string;
  /** Whether what it carries grows from step to step, which only a Loop can do. */
  readonly grows: boolean;
  readonly carry: (config: TrainConfig, origin: StateValues) => Values;
  /**
   * What is carried after one step on the batch `x [batch, inputDim]`, and the loss before it, a scalar. Rows of `padding`
   * neither weigh nor fire; a form that grows never sees any.
   */
  readonly step: (
    config: TrainConfig,
    x: V,
    carried: Values,
    origin: StateValues,
    padding?: Padding,
  ) => { readonly carried: Values; readonly loss: V };
  readonly canonical: (config: TrainConfig, carried: Values, origin: StateValues) => StateValues;
}
