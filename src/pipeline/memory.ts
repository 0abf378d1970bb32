import type { TrainConfig } from "../config/config.ts";
import { windowRows } from "../data/order.ts";
import { parametersOf } from "../sae/spec.ts";
import { stateBytes } from "../train/state.ts";
import { ConfigError } from "../util/errors.ts";
import { sizeOf } from "../util/tensor.ts";

/** Bytes of memory that training and evaluation take together, unless told otherwise. */
export const defaultMemory = 2e9;

/** Bytes of the process that reads, evaluates and writes while it does none of it, and of an idle training process. */
const idle = { parent: 200e6, child: 200e6 };
/** Times that parameters and moments are in memory while a run ends: what went in, what comes out, and a step's own. */
const stateCopies = 7;
/** Arrays of a batch's rows and latents that a step has at a time. */
const batchCopies = 6;
/** While an SAE is measured, by the other process: times its parameters are there (as a model, as its bytes, in the session), and arrays of a batch. */
const measuring = { parameterCopies: 3, batch: 1024, rowCopies: 4, latentCopies: 5 };

const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

/**
 * How rows in files are trained on within `memory` bytes: how many processes side by side, and whether each reads the next window
 * while it trains on one. None of it changes the result.
 * @throws {ConfigError} when not even one process with one window fits.
 */
export function withinMemory(
  configs: readonly TrainConfig[],
  [rows]: readonly number[],
  { memory, jobs }: { readonly memory: number; readonly jobs: number },
): { jobs: number; ahead: boolean } {
  const need = (windows: number) =>
    idle.child + Math.max(...configs.map((config) => trainingBytes(config, rows!, windows) + measuringBytes(config)));
  for (const [count, windows] of [...Array.from({ length: jobs }, (_, i) => [jobs - i, 2] as const), [1, 1] as const])
    if (idle.parent + count * need(windows) <= memory) return { jobs: count, ahead: windows === 2 };
  throw new ConfigError(
    `--memory: ${mb(memory)} are too little, these SAEs take about ${mb(idle.parent + need(1))}; raise it, or lower --shuffle-rows (now ${configs[0]!.shuffleRows ?? rows})`,
  );
}

const parametersIn = (config: TrainConfig): number =>
  Object.values(parametersOf(config)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Bytes one SAE takes while it trains: state, batch, and windows of rows. */
function trainingBytes(config: TrainConfig, rows: number, windows: number): number {
  const { inputDim, latentDim, batchSize } = config;
  const state = stateBytes(config) / 4;
  const batch = Math.min(batchSize, rows) * (inputDim + latentDim);
  const window = Math.min(rows, windowRows(config, rows)) * (inputDim + (config.outputDim ?? 0));
  const kept = rows <= windowRows(config, rows) ? 1 : windows;
  return 4 * (stateCopies * state + batchCopies * batch + kept * window);
}

/** Bytes one SAE takes where it is measured and written: its state as it arrived, the model, and a batch. */
function measuringBytes(config: TrainConfig): number {
  const { parameterCopies, batch, rowCopies, latentCopies } = measuring;
  const arrays = batch * (rowCopies * config.inputDim + latentCopies * config.latentDim);
  return 4 * ((3 + parameterCopies) * parametersIn(config) + arrays);
}
