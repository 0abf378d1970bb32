import type { Value } from "../../graph/value.ts";
import type { TrainConfig } from "../../sae/config.ts";

type V = Value<"float32">;

/** The state inside a graph, by the names of `stateShapes`. */
export type StateValues = Readonly<Record<string, V>>;

/** One way to write a training step. All forms compute the same numbers to float rounding; `dense` is the reference. */
export interface StepForm {
  readonly name: string;
  readonly describe: string;
  /** State after one step on the batch `x [batch, inputDim]`, and the loss before it, a scalar. */
  readonly step: (config: TrainConfig, x: V, state: StateValues) => { readonly state: StateValues; readonly loss: V };
}
