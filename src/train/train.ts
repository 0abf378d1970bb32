import { type TrainConfig, timedFor } from "../config/config.ts";
import { capabilitiesOf } from "../runtime/capabilities.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import { checkTrainingRows, type Rows } from "./rows.ts";
import { asAsked, byTime } from "./runs/divide.ts";
import { residentRows, type TrainingRows } from "./runs/rows.ts";
import { initialState, type TrainState } from "./state.ts";
import { Trainer } from "./trainer.ts";
import type { WrapperName } from "./wrappers/index.ts";

/** A training between two epochs: enough to go on from there to the same bytes. */
export interface TrainProgress {
  readonly state: TrainState;
  readonly epochsDone: number;
  /** Mean loss of each epoch done, weighted by rows. */
  readonly loss: readonly number[];
}

export interface TrainOptions {
  /** Where to go on from; default: the state before the first step. */
  readonly from?: TrainProgress | undefined;
  /** Parameters to start from, in units of the rows as they are; default: drawn from the seed. */
  readonly start?: TrainState | undefined;
  readonly threads?: number | undefined;
  /**
   * Epochs in one run of the session, which cannot be interrupted; the result does not depend on it. Default: as many as keep
   * the state's way into the session and back below 2 % of the time; and an epoch that takes longer than `secondsPerRun` is
   * several runs. Step `live` has runs of its own, by sizes alone.
   */
  readonly epochsPerRun?: number | undefined;
  /** Seconds between news, about, if a step does not take longer; default 5. The result does not depend on it. */
  readonly secondsPerRun?: number | undefined;
  readonly wrapper?: WrapperName;
  /** Called after runs that end an epoch; read `state` before it returns, if at all. Giving back `false` ends the training there. */
  readonly onRun?: (progress: TrainProgress) => Promise<boolean>;
  /** Called after runs that end within an epoch, with how many are done: 2.5 in the middle of the third. */
  readonly onPause?: (epochsDone: number) => Promise<void>;
}

/**
 * Trains an SAE on activations `[rows, inputDim]` (a transcoder: and targets), in memory or read by windows; gives its state after the last epoch (or
 * where `onRun` ended it).
 * @throws {ConfigError} when rows, state or options do not fit; {RuntimeFailure} when the loss is no longer a number.
 */
export async function train(
  runtime: Runtime,
  given: TrainConfig,
  rows: Rows | TrainingRows,
  options: TrainOptions = {},
): Promise<TrainProgress> {
  const { from, start, threads, epochsPerRun, secondsPerRun, wrapper } = options;
  const { onRun = async () => true, onPause = async () => {} } = options;
  if (epochsPerRun !== undefined && !(Number.isInteger(epochsPerRun) && epochsPerRun >= 1))
    throw new ConfigError(`epochsPerRun must be an integer of at least 1, got ${epochsPerRun}`);
  const source = "stretches" in rows ? rows : residentRows(rows);
  checkTrainingRows(given, source);
  const rowCount = source.dims[0]!;
  const config = timedFor(given, rowCount);
  // The first state is the trainer's alone: it shall not stay in memory beside later ones.
  const trainer = await Trainer.open(runtime, config, undefined, {
    state: from?.state ?? (await source.sample(config, (some) => initialState(config, some, start))),
    ...{ threads, ...(wrapper ? { wrapper } : {}) },
  });
  try {
    let [epochsDone, loss] = [from?.epochsDone ?? 0, from?.loss ?? []];
    const means = new EpochMeans(rowCount);
    const on = capabilitiesOf(runtime.provider).wrapper === "loop" ? "cpu" : "gpu";
    const divider =
      trainer.divider(Math.ceil(rowCount / config.batchSize)) ??
      (epochsPerRun === undefined ? byTime(config, { on, seconds: secondsPerRun }) : asAsked(epochsPerRun));
    const epochs = () => divider.epochs(epochsDone);
    for await (const { batches, rows, epochsDone: after } of source.stretches(config, epochsDone, epochs)) {
      let seconds = 0;
      for (const run of divider.runs(batches)) {
        const started = performance.now();
        means.add(await trainer.run(run, rows), run.bounds);
        const took = (performance.now() - started) / 1000;
        divider.took(run.bounds.length, took);
        seconds += took;
        if (after === undefined || run.bounds.at(-1) !== batches.bounds.at(-1)) await onPause(epochsDone + means.seen);
      }
      if (after === undefined) continue;
      divider.ended(after - epochsDone, seconds, rows.activations.data.byteLength);
      epochsDone = after;
      loss = [...loss, ...means.take()];
      if (!Number.isFinite(loss.at(-1)))
        throw new RuntimeFailure(
          `the loss is no longer a number in epoch ${epochsDone}; a smaller learning rate than ${config.learningRate} may help`,
        );
      const { progress, end } = progressNow(trainer, epochsDone, loss);
      const goOn = await onRun(progress);
      end();
      if (!goOn) break;
    }
    return { state: trainer.state, epochsDone, loss };
  } finally {
    await trainer.release();
  }
}

/** Progress for a callback. Its state, which may be a copy, is taken when it is first asked for: after the callback it would be a later one. */
function progressNow(trainer: Trainer, epochsDone: number, loss: readonly number[]) {
  let state: TrainState | undefined;
  let over = false;
  const progress: TrainProgress = {
    get state() {
      if (state === undefined && over)
        throw new ConfigError(`the state after epoch ${epochsDone} is gone; read progress.state before onRun returns`);
      state ??= trainer.state;
      return state;
    },
    ...{ epochsDone, loss },
  };
  const end = (): void => {
    over = true;
  };
  return { progress, end };
}

/** The mean of each epoch's losses, a batch counting by its rows. */
class EpochMeans {
  #rows: number;
  #seen = 0;
  #means: number[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  /** Epochs since it was last asked for means, the part of one that is under way included. */
  get seen(): number {
    return this.#seen / this.#rows;
  }

  add(losses: Float32Array, bounds: readonly { readonly from: number; readonly to: number }[]): void {
    for (const [i, { from, to }] of bounds.entries()) {
      const epoch = Math.floor(this.#seen / this.#rows);
      this.#means[epoch] = (this.#means[epoch] ?? 0) + (losses[i]! * (to - from)) / this.#rows;
      this.#seen += to - from;
    }
  }

  /** The means of the epochs since it was last asked; all of them are over. */
  take(): number[] {
    const means = this.#means;
    [this.#means, this.#seen] = [[], 0];
    return means;
  }
}
