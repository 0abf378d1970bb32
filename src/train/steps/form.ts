import type { StepName, TrainConfig } from "../../config/config.ts";
import type { Values } from "../../graph/control.ts";
import type { Value } from "../../graph/value.ts";
import type { Padding } from "../../sae/architecture.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { TrainState } from "../state.ts";

type V = Value<"float32">;

/** The canonical state inside a graph, by the names of `stateShapes`. */
export type StateValues = Readonly<Record<string, V>>;

/** A batch as a step sees it. Rows of `padding` neither weigh nor fire; a form that grows never sees any. */
export interface Batch {
  /** `[batch, inputDim]`. */
  readonly x: V;
  /** What is to be reconstructed, `[batch, outputDim]`: `x` itself, but for a transcoder. */
  readonly target: V;
  readonly padding?: Padding | undefined;
}

/**
 * One way to write a training step. All forms compute the same numbers to float rounding; `dense` is the reference.
 * A form may carry the state from step to step in a shape of its own: `carry` makes it of what a run is fed, `given` is what the
 * run gives when it ends.
 */
export interface StepForm {
  readonly name: StepName;
  readonly describe: string;
  /** Whether what it carries grows from step to step, which only a Loop can do. */
  readonly grows: boolean;
  /** What a run is fed besides its batches. */
  readonly inputs: (config: TrainConfig) => Values;
  /** What is carried from step to step, and what all steps of a run may use. */
  readonly carry: (config: TrainConfig, inputs: Values) => { readonly carried: Values; readonly fixed: Values };
  /** What is carried after one step, and the loss before it, a scalar. */
  readonly step: (
    config: TrainConfig,
    batch: Batch,
    carried: Values,
    fixed: Values,
  ) => { readonly carried: Values; readonly loss: V };
  /** What a run gives, each under its name with `_next`: the canonical state, or what the `host` side makes it of. */
  readonly given: (carried: Values) => Values;
  /** What the host does around each run. Default: it feeds the canonical state and is given it. */
  readonly host?: (config: TrainConfig, state: TrainState) => HostSide;
}

/** The state of a training on the host, where a run takes or gives something else. */
export interface HostSide {
  /** In canonical form; a copy. */
  readonly state: TrainState;
  /** Whether nothing has been trained yet. */
  readonly isFirst: boolean;
  /** What the next run is fed besides its batches, by the names of `inputs`. */
  feeds(): Readonly<Record<string, HostTensor>>;
  /** Takes what a run gave, by the names of `given`. */
  collect(given: Readonly<Record<string, HostTensor>>): void;
}
