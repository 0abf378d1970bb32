import type { TrainConfig } from "../../config/config.ts";
import type { ModelDraft } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import type { Dim, Value } from "../../graph/value.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { ResidentRows } from "../rows.ts";
import type { Batches } from "../runs/batches.ts";
import type { StepForm } from "../steps/form.ts";

type V = Value<"float32">;

/** One way to string steps together. */
export interface Wrapper {
  readonly name: string;
  readonly describe: string;
  /**
   * The training graph. Inputs: the rows or one batch of them, their order, and the state.
   * Outputs: the loss of each step, and the state after the last one, with `_next` behind each name.
   */
  readonly model: (config: TrainConfig, form: StepForm) => ModelDraft;
  /** Whether every batch has the same shape. If so, smaller ones are padded, and step forms that grow cannot be used. */
  readonly fixedShapes: boolean;
  /** Whether the state stays in the session from run to run. On a GPU it then stays on the device. */
  readonly carriesState: boolean;
  /** What each run is fed besides the state. All runs together train the batches in order. */
  readonly feeds: (batches: Batches, data: Source) => Iterable<Readonly<Record<string, HostTensor>>>;
}

/** The rows that batches are taken from, and how many a full batch has. */
export interface Source extends ResidentRows {
  readonly batchSize: number;
}

/** The rows as inputs of a graph: `activations`, and a transcoder's `targets`. */
export const rowInputs = (config: TrainConfig, rows: Dim): { activations: V; targets?: V } => ({
  activations: op.input("float32", [rows, config.inputDim]),
  ...(config.outputDim === undefined ? {} : { targets: op.input("float32", [rows, config.outputDim]) }),
});

/** A batch: the given rows of the matrices. */
export const gathered = ({ activations, targets }: { activations: V; targets?: V }, rows: Value<"int64">) => {
  const x = op.gather(activations, rows);
  return { x, target: targets ? op.gather(targets, rows) : x };
};

/** The rows as a run is fed them. */
export const rowFeeds = ({ activations, targets }: ResidentRows): Readonly<Record<string, HostTensor>> => ({
  activations,
  ...(targets ? { targets } : {}),
});
