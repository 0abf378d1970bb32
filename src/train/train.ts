import type { TrainConfig } from "../config/config.ts";
import { capabilitiesOf } from "../runtime/capabilities.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { epochsForNextRun, Pace } from "./runs/pace.ts";
import { residentRows, type TrainingRows } from "./runs/rows.ts";
import { initialState, stateBytes, type TrainState } from "./state.ts";
import { steps } from "./steps/index.ts";
import { checkTrainingRows, Trainer } from "./trainer.ts";
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
  readonly onPart?: (epochsDone: number) => Promise<void>;
}

/**
 * Trains an SAE on activations `[rows, inputDim]`, in memory or read by windows; gives its state after the last epoch (or
 * where `onRun` ended it).
 * @throws {ConfigError} when rows, state or options do not fit; {RuntimeFailure} when the loss is no longer a number.
 */
export async function train(
  runtime: Runtime,
  config: TrainConfig,
  activations: HostTensor<"float32"> | TrainingRows,
  options: TrainOptions = {},
): Promise<TrainProgress> {
  const { from, threads, epochsPerRun, secondsPerRun, wrapper } = options;
  const { onRun = async () => true, onPart = async () => {} } = options;
  if (epochsPerRun !== undefined && !(Number.isInteger(epochsPerRun) && epochsPerRun >= 1))
    throw new ConfigError(`epochsPerRun must be an integer of at least 1, got ${epochsPerRun}`);
  const source = "runs" in activations ? activations : residentRows(activations);
  checkTrainingRows(config, source);
  const rows = source.dims[0]!;
  // The first state is the trainer's alone: it shall not stay in memory beside later ones.
  const trainer = await Trainer.open(runtime, config, undefined, {
    state: from?.state ?? (await source.sample(config, (some) => initialState(config, some))),
    ...{ threads, ...(wrapper ? { wrapper } : {}) },
  });
  try {
    let [epochsDone, loss] = [from?.epochsDone ?? 0, from?.loss ?? []];
    const means = new EpochMeans(rows);
    const on = capabilitiesOf(runtime.provider).wrapper === "loop" ? "cpu" : "gpu";
    const pace = new Pace(config, { on, seconds: secondsPerRun });
    // Where runs have a say in the last digits, time has none in the runs.
    const divides = steps[config.step].host !== undefined;
    const stepsPerEpoch = Math.ceil(rows / config.batchSize);
    let perRun = epochsPerRun ?? 1;
    const epochs = () => (divides ? trainer.epochs(epochsDone, stepsPerEpoch) : perRun);
    for await (const { batches, activations, epochsDone: after } of source.runs(config, epochsDone, epochs)) {
      let seconds = 0;
      const parts = divides ? trainer.parts(batches) : epochsPerRun === undefined ? pace.parts(batches) : [batches];
      for (const part of parts) {
        const started = performance.now();
        means.add(await trainer.run(part, activations), part.bounds);
        const took = (performance.now() - started) / 1000;
        pace.took(part.bounds.length, took);
        seconds += took;
        if (after === undefined || part.bounds.at(-1) !== batches.bounds.at(-1)) await onPart(epochsDone + means.seen);
      }
      if (after === undefined) continue;
      if (!divides && epochsPerRun === undefined) {
        const crossing = 2 * stateBytes(config) + (on === "gpu" ? activations.data.byteLength : 0);
        perRun = epochsForNextRun(crossing, { epochs: after - epochsDone, seconds }, { on, seconds: secondsPerRun });
      }
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
