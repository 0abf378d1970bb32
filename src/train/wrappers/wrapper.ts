import type { ModelParts } from "../../graph/build.ts";
import type { TrainConfig } from "../../sae/config.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { StepForm } from "../steps/step.ts";

/** One way to string steps together into a model that trains many of them in a run. */
export interface Wrapper {
  readonly name: string;
  readonly describe: string;
  /** Inputs: `activations`, the order of rows, every state tensor. Outputs: `loss` per step, every state tensor with `_next`. */
  readonly parts: (config: TrainConfig, form: StepForm) => ModelParts;
  /** The inputs that say which rows make which batch: `order` is one row number per visit, epoch after epoch. */
  readonly feeds: (batches: Batches) => Readonly<Record<string, HostTensor>>;
}

/** The batches of some epochs: batch `i` is the rows `order[bounds[i].from .. bounds[i].to]`. */
export interface Batches {
  readonly order: BigInt64Array;
  readonly bounds: readonly { readonly from: number; readonly to: number }[];
}
