import { heldOut, type TrainConfig, timedFor } from "../config/config.ts";
import { checkFiniteRows } from "../data/finite.ts";
import { capabilitiesOf } from "../runtime/capabilities.ts";
import type { IdleSessions } from "../runtime/idleSessions.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import { calibrated } from "./calibrate.ts";
import { resampled } from "./resampling/resample.ts";
import { epochsUntilDue, isDue } from "./resampling/when.ts";
import { rowNorms, withinNorm } from "./rowNorms.ts";
import { checkTrainingRows, type ResidentRows, type Rows, residentOf } from "./rows.ts";
import { asAsked, byTime } from "./runs/divide.ts";
import { residentRows, type TrainingRows } from "./runs/rows.ts";
import { initialState, type TrainState } from "./state.ts";
import { Trainer } from "./trainer.ts";
import type { WrapperName } from "./wrappers/index.ts";

/** A training between two runs. Going on from here gives the same bytes as not stopping. */
export interface TrainProgress {
  readonly state: TrainState;
  readonly epochsDone: number;
  /** The mean loss of each epoch done. Each row has the same weight. */
  readonly loss: readonly number[];
  /** How many latents each resampling has reset so far. Left out: there was none. */
  readonly resampled?: readonly number[] | undefined;
  /** Where it is in the epoch under way: rows trained, and their part of the epoch's mean loss. Left out: between two epochs. */
  readonly within?: { readonly rows: number; readonly loss: number } | undefined;
}

export interface TrainOptions {
  /** Where to go on from. Default: the state before the first step. */
  readonly from?: TrainProgress | undefined;
  /** Parameters to start from, in the units of the given rows, before any scaling. Default: drawn from the seed. */
  readonly start?: TrainState | undefined;
  readonly threads?: number | undefined;
  /**
   * How many epochs a run has. A run cannot be interrupted. The result does not depend on this number.
   * By default a run has as many epochs as keep the copying of the state below 2 % of the time.
   * An epoch that takes longer than `secondsPerRun` is then divided into several runs.
   * Step `live` ignores this: there, sizes alone decide.
   */
  readonly epochsPerRun?: number | undefined;
  /** About how many seconds a run may take. A run has one step at least. Default 5. The result does not depend on it. */
  readonly secondsPerRun?: number | undefined;
  readonly wrapper?: WrapperName;
  /** Sessions that earlier trainings of this process left, to be used again by graphs that are the same. */
  readonly sessions?: IdleSessions | undefined;
  /** Asked once, before the first run. Where it says so there is none, and the state before it comes back. */
  readonly stopped?: () => Promise<boolean>;
  /** Called after a run that ends an epoch. Returning `false` ends the training. `state` can only be read until it returns. */
  readonly onRun?: (progress: TrainProgress) => Promise<boolean>;
  /**
   * Called after a run that ends within an epoch, with the epochs done: 2.5 in the middle of the third. `progress` is as for `onRun`;
   * there is none where the run is one of several epochs, or the loss is no longer a number.
   */
  readonly onPause?: (epochsDone: number, progress: TrainProgress | undefined) => Promise<void>;
}

/**
 * Trains an SAE on activations `[rows, inputDim]`, and a transcoder on targets too. Rows are in memory, or are read in windows.
 * It gives the state after the last epoch, or after the one at which `onRun` ended the training.
 * @throws {ConfigError} when rows, state or options do not fit, or a row has NaN or infinity. @throws {RuntimeFailure} when the loss is no longer a number.
 */
export async function train(
  runtime: Runtime,
  given: TrainConfig,
  rows: Rows | TrainingRows,
  options: TrainOptions = {},
): Promise<TrainProgress> {
  const { from, start, threads, epochsPerRun, secondsPerRun, wrapper, sessions } = options;
  const { onRun = async () => true, onPause = async () => {} } = options;
  if (epochsPerRun !== undefined && !(Number.isInteger(epochsPerRun) && epochsPerRun >= 1))
    throw new ConfigError(`epochsPerRun must be an integer of at least 1, got ${epochsPerRun}`);
  const all = "stretches" in rows ? rows : residentRows(withinNorm(residentOf(rows), given.maxRowNorm));
  checkTrainingRows(given, all);
  // Rows that are read by windows were checked when they were opened.
  if (!("stretches" in rows))
    for (const [name, one] of Object.entries(residentOf(rows))) if (one) checkFiniteRows(one, name);
  const config = timedFor(given, all.dims[0]!);
  const held = heldOut(config, all.dims[0]!);
  const source = held > 0 ? all.without(held) : all;
  const rowCount = source.dims[0]!;
  // Only the trainer holds the first state. So it does not stay in memory beside later ones.
  const trainer = await Trainer.open(runtime, config, undefined, {
    state: from?.state ?? (await source.sample(config, (some) => initialState(config, some, start))),
    ...{ threads, sessions, ...(wrapper ? { wrapper } : {}) },
  });
  try {
    let [epochsDone, loss] = [from?.epochsDone ?? 0, from?.loss ?? []];
    let resets = from?.resampled;
    if (await options.stopped?.()) return { ...from, state: trainer.state, epochsDone, loss };
    const { within } = from ?? {};
    if (within && !(within.rows < rowCount))
      throw new ConfigError(
        `the state is after ${within.rows} rows of an epoch, which has ${rowCount}; go on with the rows it was trained on`,
      );
    const means = new EpochMeans(rowCount, within);
    /** Rows of the next stretches that are trained already. */
    let before = within?.rows ?? 0;
    let isBegin = epochsDone === 0;
    const on = capabilitiesOf(runtime.provider).wrapper === "loop" ? "cpu" : "gpu";
    const divider =
      trainer.divider(Math.ceil(rowCount / config.batchSize), () => isBegin) ??
      (epochsPerRun === undefined ? byTime(config, { on, seconds: secondsPerRun }) : asAsked(epochsPerRun));
    const epochs = () => Math.min(divider.epochs(epochsDone), epochsUntilDue(config, epochsDone));
    for await (const { batches, rows, epochsDone: after } of source.stretches(config, epochsDone, epochs)) {
      if (means.seen === 0 && isDue(config, epochsDone)) {
        const { state, count } = await resampled(runtime, config, trainer.state, rows, { epochsDone, threads });
        if (count > 0) trainer.replace(state);
        resets = [...(resets ?? []), count];
      }
      let seconds = 0;
      const trained = batches.bounds.filter(({ to }) => to <= before).length;
      before -= trained === 0 ? 0 : batches.bounds[trained - 1]!.to;
      for (const run of divider.runs(batches, trained)) {
        const started = performance.now();
        means.add(await trainer.run(run, rows), run.bounds);
        const took = (performance.now() - started) / 1000;
        divider.took(run.bounds.length, took);
        seconds += took;
        if (after === undefined || run.bounds.at(-1) !== batches.bounds.at(-1)) {
          const { within } = means;
          const now = { epochsDone, loss, ...(resets ? { resampled: resets } : {}), within };
          const isOne = after === undefined || after === epochsDone + 1;
          const { progress, end } = progressNow(trainer, now);
          await onPause(epochsDone + means.seen, isOne && Number.isFinite(within.loss) ? progress : undefined);
          end();
        }
      }
      isBegin = false;
      if (after === undefined) continue;
      if (trained === 0) divider.ended(after - epochsDone, seconds, rows.activations.data.byteLength);
      epochsDone = after;
      loss = [...loss, ...means.take()];
      if (!Number.isFinite(loss.at(-1)))
        throw new RuntimeFailure(`the loss is no longer a number in epoch ${epochsDone}; ${remedyFor(config, rows)}`);
      const { progress, end } = progressNow(trainer, { epochsDone, loss, ...(resets ? { resampled: resets } : {}) });
      const goOn = await onRun(progress);
      end();
      if (!goOn) break;
    }
    const state =
      held > 0 && epochsDone >= config.epochs
        ? await all.last(held, (some) => calibrated(runtime, config, trainer.state, some, threads))
        : trainer.state;
    return { state, epochsDone, loss, ...(resets ? { resampled: resets } : {}) };
  } finally {
    await trainer.release();
  }
}

/** Float32 numbers end here. */
const largestNumber = 2 ** 128;

/** What may help where the loss is no longer a number: another learning rate, unless the squares of a batch are too large by themselves. */
function remedyFor(
  { learningRate, inputScale, batchSize }: TrainConfig,
  { activations, targets }: ResidentRows,
): string {
  const longest = [activations, ...(targets ? [targets] : [])]
    .map((rows) => rowNorms(rows).reduce((most, one) => Math.max(most, one), 0))
    .reduce((most, one) => Math.max(most, one));
  if (inputScale !== "none" || longest ** 2 * batchSize < largestNumber)
    return `a smaller learning rate than ${learningRate} may help`;
  return `rows are up to ${longest.toPrecision(2)} long, and the squares of a batch are more than float32 holds; inputScale rows makes them shorter for training`;
}

/**
 * The progress that a callback is given. Its state is taken when the callback first reads it, as it may be a copy.
 * After the callback the state would be a later one, so reading it then is an error.
 */
function progressNow(trainer: Trainer, rest: Omit<TrainProgress, "state">) {
  let state: TrainState | undefined;
  let over = false;
  const progress: TrainProgress = {
    get state() {
      if (state === undefined && over)
        throw new ConfigError(
          `the state after epoch ${rest.epochsDone} is gone; read progress.state before onRun returns`,
        );
      state ??= trainer.state;
      return state;
    },
    ...rest,
  };
  const end = (): void => {
    over = true;
  };
  return { progress, end };
}

/** The mean loss of each epoch. Each row has the same weight, so a smaller batch counts less. */
class EpochMeans {
  #rows: number;
  #seen = 0;
  #means: number[] = [];

  constructor(rows: number, within?: TrainProgress["within"]) {
    this.#rows = rows;
    if (within) [this.#seen, this.#means] = [within.rows, [within.loss]];
  }

  /** Epochs since the last `take`, with a fraction for the epoch under way. */
  get seen(): number {
    return this.#seen / this.#rows;
  }

  /** Where the first epoch since the last `take` is. */
  get within(): { rows: number; loss: number } {
    return { rows: this.#seen, loss: this.#means[0]! };
  }

  add(losses: Float32Array, bounds: readonly { readonly from: number; readonly to: number }[]): void {
    for (const [i, { from, to }] of bounds.entries()) {
      const epoch = Math.floor(this.#seen / this.#rows);
      this.#means[epoch] = (this.#means[epoch] ?? 0) + (losses[i]! * (to - from)) / this.#rows;
      this.#seen += to - from;
    }
  }

  /** The means of the epochs since the last `take`. All of them must be over. */
  take(): number[] {
    const means = this.#means;
    [this.#means, this.#seen] = [[], 0];
    return means;
  }
}
