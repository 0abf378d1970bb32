import { capabilitiesOf } from "../runtime/capabilities.ts";
import type { Runtime } from "../runtime/session.ts";
import type { TrainConfig } from "../sae/config.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { epochsForNextRun } from "./epochsPerRun.ts";
import { residentRows, type TrainingRows } from "./rows.ts";
import { initialState, type TrainState } from "./state.ts";
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
   * Epochs in one run of the session, which cannot be interrupted; the result does not depend on it. Default: 1 where the state
   * is on the host; on a device as many as keep its transfer below 2 % of the time, with news at least every 3 seconds.
   */
  readonly epochsPerRun?: number | undefined;
  readonly wrapper?: WrapperName;
  /** Called after each run. Giving back `false` ends the training there. */
  readonly onRun?: (progress: TrainProgress) => Promise<boolean>;
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
  { from, threads, epochsPerRun, wrapper, onRun = async () => true }: TrainOptions = {},
): Promise<TrainProgress> {
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
    let perRun = epochsPerRun ?? 1;
    for await (const run of source.runs(config, epochsDone, () => perRun)) {
      const started = performance.now();
      means.add(await trainer.run(run.batches, run.activations), run.batches.bounds);
      if (run.epochsDone === undefined) continue;
      if (epochsPerRun === undefined && capabilitiesOf(runtime.provider).wrapper !== "loop")
        perRun = epochsForNextRun(bytesOf(trainer.state), {
          epochs: run.epochsDone - epochsDone,
          seconds: (performance.now() - started) / 1000,
        });
      epochsDone = run.epochsDone;
      loss = [...loss, ...means.take()];
      if (!Number.isFinite(loss.at(-1)))
        throw new RuntimeFailure(
          `the loss is no longer a number in epoch ${epochsDone}; a smaller learning rate than ${config.learningRate} may help`,
        );
      if (!(await onRun({ state: trainer.state, epochsDone, loss }))) break;
    }
    return { state: trainer.state, epochsDone, loss };
  } finally {
    await trainer.release();
  }
}

const bytesOf = (state: TrainState): number => Object.values(state).reduce((sum, { data }) => sum + data.byteLength, 0);

/** The mean of each epoch's losses, a batch counting by its rows. */
class EpochMeans {
  #rows: number;
  #seen = 0;
  #means: number[] = [];

  constructor(rows: number) {
    this.#rows = rows;
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
