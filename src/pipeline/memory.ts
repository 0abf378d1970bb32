import type { TrainConfig } from "../config/config.ts";
import { windowRows } from "../data/order.ts";
import { parametersOf } from "../sae/spec.ts";
import { stateBytes } from "../train/state.ts";
import { bytesInWords } from "../util/bytes.ts";
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

/**
 * How rows in files are trained on within `memory` bytes: the SAEs that have room side by side, and whether each reads the next window
 * while it trains on one. None of it changes the result.
 * @throws {ConfigError} when not even one process with one window fits.
 */
export function withinMemory(
  configs: readonly TrainConfig[],
  [rows]: readonly number[],
  memory: number,
): { room: number; ahead: boolean } {
  const need = (windows: number) => largest(configs, (config) => windowsOf(config, rows!, windows));
  const room = roomFor(memory, need(2));
  if (room >= 1) return { room, ahead: true };
  if (roomFor(memory, need(1)) >= 1) return { room: 1, ahead: false };
  throw new ConfigError(
    `--memory: ${bytesInWords(memory)} are too little, these SAEs take about ${bytesInWords(idle.parent + need(1))}; raise it, or lower --shuffle-rows (now ${configs[0]!.shuffleRows ?? rows})`,
  );
}

/** The SAEs that have room in `memory` bytes side by side where each holds all rows; one in any case. */
export function roomBesideRows(configs: readonly TrainConfig[], [rows]: readonly number[], memory: number): number {
  const need = largest(configs, () => rows!);
  return Math.max(1, roomFor(memory, need));
}

/** Bytes that this process takes while it does nothing, and that the largest of some SAEs takes beside, where it holds all rows. */
export const bytesOfProcess = (configs: readonly TrainConfig[], rows: number): { parent: number; each: number } => ({
  parent: idle.parent,
  each: largest(configs, () => rows),
});

/** Processes of so many bytes that fit beside this one. */
const roomFor = (memory: number, bytes: number): number => Math.floor((memory - idle.parent) / bytes);

/** Bytes that the largest of some SAEs takes, where so many rows are held. */
const largest = (configs: readonly TrainConfig[], rows: (config: TrainConfig) => number): number =>
  idle.child + Math.max(...configs.map((config) => trainingBytes(config, rows(config)) + measuringBytes(config)));

const parametersIn = (config: TrainConfig): number =>
  Object.values(parametersOf(config)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Rows that are held at a time where so many windows of them are: all of them where one window has them. */
function windowsOf(config: TrainConfig, rows: number, windows: number): number {
  const window = windowRows(config, rows);
  return rows <= window ? rows : windows * window;
}

/** Bytes one SAE takes while it trains: state, batch, and the rows that are held. */
export function trainingBytes(config: TrainConfig, rows: number): number {
  const { inputDim, latentDim, outputDim = 0, batchSize } = config;
  const state = stateBytes(config) / 4;
  const batch = Math.min(batchSize, rows) * (inputDim + latentDim);
  return 4 * (stateCopies * state + batchCopies * batch + rows * (inputDim + outputDim));
}

/** Bytes one SAE takes where it is measured and written: its state as it arrived, the model, and a batch. */
function measuringBytes(config: TrainConfig): number {
  const { parameterCopies, batch, rowCopies, latentCopies } = measuring;
  const arrays = batch * (rowCopies * config.inputDim + latentCopies * config.latentDim);
  return 4 * ((3 + parameterCopies) * parametersIn(config) + arrays);
}
