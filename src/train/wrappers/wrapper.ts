import type { TrainConfig } from "../../config/config.ts";
import type { ModelParts } from "../../graph/build.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { StepForm } from "../steps/form.ts";

/** One way to string steps together. */
export interface Wrapper {
  readonly name: string;
  readonly describe: string;
  /** Inputs: `activations` (or one batch of them), the order of rows, every state tensor. Outputs: `loss` per step, every state tensor with `_next`. */
  readonly parts: (config: TrainConfig, form: StepForm) => ModelParts;
  /** Whether every batch has the same shape; smaller ones are padded. A step form that grows needs other shapes. */
  readonly fixedShapes: boolean;
  /** Whether the state stays in the session from run to run, on the device where there is one. */
  readonly carriesState: boolean;
  /** What each run is fed besides the state, run after run; together they train the batches in order. */
  readonly feeds: (batches: Batches, data: TrainingRows) => Iterable<Readonly<Record<string, HostTensor>>>;
}

/** What batches are taken from, and how many rows a full one has. */
export interface TrainingRows {
  readonly activations: HostTensor<"float32">;
  readonly batchSize: number;
}

/** The batches of some epochs: batch `i` is the rows `order[bounds[i].from .. bounds[i].to]`. */
export interface Batches {
  readonly order: BigInt64Array;
  readonly bounds: readonly { readonly from: number; readonly to: number }[];
}
