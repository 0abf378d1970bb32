import type { StepName, TrainConfig } from "../../config/config.ts";
import type { Values } from "../../graph/control.ts";
import type { Value } from "../../graph/value.ts";
import type { Padding } from "../../sae/architecture.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { TrainState } from "../state.ts";

type V = Value<"float32">;

/** The canonical state inside a graph, by the names of `stateShapes`. */
export type StateValues = Readonly<Record<string, V>>;

/** A batch as a step sees it. Padded rows have no weight in the loss and do not fire. A form that grows never gets any. */
export interface Batch {
  /** `[batch, inputDim]`. */
  readonly x: V;
  /** What to reconstruct, `[batch, outputDim]`. It is `x` itself, except for a transcoder. */
  readonly target: V;
  readonly padding?: Padding | undefined;
}

/**
 * One way to write a training step. All forms compute the same numbers to float rounding. `dense` is the reference.
 *
 * A form may carry the state in a layout of its own. `carry` makes it from what a run is fed. `given` makes from it
 * what the run gives at its end.
 */
export interface StepForm {
  readonly name: StepName;
  readonly describe: string;
  /** Whether the carried tensors grow from step to step. Only a Loop can do that. */
  readonly grows: boolean;
  /** What a run is fed besides its batches. */
  readonly inputs: (config: TrainConfig) => Values;
  /** What steps carry on, and what stays fixed during a run. */
  readonly carry: (config: TrainConfig, inputs: Values) => { readonly carried: Values; readonly fixed: Values };
  /** One step: what is carried after it, and the loss before it, a scalar. */
  readonly step: (
    config: TrainConfig,
    batch: Batch,
    carried: Values,
    fixed: Values,
  ) => { readonly carried: Values; readonly loss: V };
  /** What a run gives: the canonical state, or what the `host` makes it from. Each output's name gets `_next`. */
  readonly given: (carried: Values) => Values;
  /** The host's side. Default: runs are fed the canonical state, and give it back. */
  readonly host?: (config: TrainConfig, state: TrainState) => HostSide;
}

/** The state of a training between its runs. */
export interface HostSide {
  /** The canonical state. */
  readonly state: TrainState;
  /** Whether nothing has been trained yet. */
  readonly isFirst: boolean;
  /** What the next run is fed besides its batches, by the names of `inputs`. */
  feeds(): Readonly<Record<string, HostTensor>>;
  /** Takes what a run gave, by the names of `given`. */
  collect(given: Readonly<Record<string, HostTensor>>): void;
}
