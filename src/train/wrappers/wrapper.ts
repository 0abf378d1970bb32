import type { TrainConfig } from "../../config/config.ts";
import type { ModelParts } from "../../graph/build.ts";
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
  /** Inputs: `activations` and a transcoder's `targets` (or one batch of them), the order of rows, every state tensor. Outputs: `loss` per step, every state tensor with `_next`. */
  readonly parts: (config: TrainConfig, form: StepForm) => ModelParts;
  /** Whether every batch has the same shape; smaller ones are padded. A step form that grows needs other shapes. */
  readonly fixedShapes: boolean;
  /** Whether the state stays in the session from run to run, on the device where there is one. */
  readonly carriesState: boolean;
  /** What each run is fed besides the state, run after run; together they train the batches in order. */
  readonly feeds: (batches: Batches, data: Source) => Iterable<Readonly<Record<string, HostTensor>>>;
}

/** What batches are taken from, and how many rows a full one has. */
export interface Source extends ResidentRows {
  readonly batchSize: number;
}

/** What a run is fed of the rows: `activations`, and a transcoder's `targets`. */
export const rowInputs = (config: TrainConfig, rows: Dim): { activations: V; targets?: V } => ({
  activations: op.input("float32", [rows, config.inputDim]),
  ...(config.outputDim === undefined ? {} : { targets: op.input("float32", [rows, config.outputDim]) }),
});

/** The batch of some rows of these. */
export const gathered = ({ activations, targets }: { activations: V; targets?: V }, rows: Value<"int64">) => {
  const x = op.gather(activations, rows);
  return { x, target: targets ? op.gather(targets, rows) : x };
};

/** The rows as they are fed. */
export const rowFeeds = ({ activations, targets }: ResidentRows): Readonly<Record<string, HostTensor>> => ({
  activations,
  ...(targets ? { targets } : {}),
});
