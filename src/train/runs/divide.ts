/**
 * @file How steps become runs of the session. Only this file decides it.
 *
 * Short runs cost time, because every run copies the state into the session and back.
 * Long runs cost patience: a run blocks its thread, so progress, stops and saved states come between runs.
 *
 * - Step `dense`: runs never change the numbers, so time decides (`byTime`). A run has several epochs when the copying
 *   would take too large a share of the time. It has less than an epoch when an epoch takes too long.
 *   The user may also set the number of epochs (`asAsked`).
 * - Step `live`: rows come to rest between runs, so the division changes the last digits. Time differs between machines.
 *   So sizes alone decide (`bySize`), and every machine has the same runs.
 */
import { heldOut, type TrainConfig } from "../../config/config.ts";
import { epochsUntilDue } from "../resampling/when.ts";
import { optimizerOf, stateBytes } from "../state.ts";
import type { Batches } from "./batches.ts";
import { epochsForNextRun, Pace } from "./pace.ts";

/** Divides a training into runs, epoch after epoch. */
export interface Divider {
  /** How many epochs to ask for next, when `done` epochs are over. */
  epochs(done: number): number;
  /** Divides the batches of these epochs into runs, without the first ones, of which so many are trained already. */
  runs(batches: Batches, trained?: number): Iterable<Batches>;
  /** Says how long a run took. */
  took(steps: number, seconds: number): void;
  /** Says how long all runs of some epochs took. Each run was fed `rowBytes` of activations. */
  ended(epochs: number, seconds: number, rowBytes: number): void;
}

/** A fixed number of epochs a run. */
export const asAsked = (epochsPerRun: number): Divider => ({
  epochs: () => epochsPerRun,
  runs: (batches, trained) => [withoutFirst(batches, trained)].filter(({ bounds }) => bounds.length > 0),
  took() {},
  ended() {},
});

const withoutFirst = ({ order, bounds }: Batches, trained = 0): Batches => ({ order, bounds: bounds.slice(trained) });

/** Divides by how long earlier runs took. */
export function byTime(
  config: TrainConfig,
  { on, seconds: most }: { readonly on: "cpu" | "gpu"; readonly seconds?: number | undefined },
): Divider {
  const pace = new Pace(config, { on, seconds: most });
  let perRun = 1;
  return {
    epochs: () => perRun,
    runs: (batches, trained) => pace.runs(withoutFirst(batches, trained)),
    took: (steps, seconds) => pace.took(steps, seconds),
    ended(epochs, seconds, rowBytes) {
      const crossing = 2 * stateBytes(config) + (on === "gpu" ? rowBytes : 0);
      perRun = epochsForNextRun(crossing, { epochs, seconds }, { on, seconds: most });
    },
  };
}

/**
 * The most multiplications that a run of more than `fewestRows` has in the encoder's products: rows x dims x latents, summed over its steps.
 * At 2,048 dims and latents and 256 rows a batch this is 56 steps, or one to four seconds.
 */
const workPerRun = 6e10;

/**
 * The fewest rows that a run trains on, where so many are left. The state of a wide dictionary takes about as long into the session and
 * back as two steps of 256 rows. With 24 such steps a run instead of 12 a training was 1.09 times as fast at 16,384 latents of 1,024 dims,
 * instead of 8 1.19 times at 65,536 of 512.
 */
const fewestRows = 6144;

/** The most steps of a run that joins epochs. Rows come to rest after about 170 steps, and the host sees it only between runs. */
const joinedSteps = 100;

/** Steps after which a slot's scale has fallen to 1e-12. No run is longer: numbers divided by the scale stay well within float32. */
const stepsPerScale = (config: TrainConfig): number =>
  Math.floor(-Math.log(1e-12) / Math.max(0, ...Object.values(optimizerOf(config).decay).map((by) => -Math.log(by))));

function stepsPerRun(config: TrainConfig): number {
  const { batchSize, inputDim, latentDim } = config;
  const byWork = Math.floor(workPerRun / (batchSize * inputDim * latentDim));
  return Math.min(Math.max(Math.ceil(fewestRows / batchSize), byWork), stepsPerScale(config));
}

/**
 * How many epochs a run joins: no more than are over. Most latents are kept for the first time in the first epochs.
 * There, short runs put them into blocks early.
 */
const joined = (config: TrainConfig, done: number, stepsPerEpoch: number): number =>
  Math.max(1, Math.min(done, Math.floor(Math.min(joinedSteps, stepsPerRun(config)) / stepsPerEpoch)));

/**
 * Divides some batches into runs, by sizes alone. With `first` they start a training.
 * Then the first batch is a run of its own. It keeps most latents that are ever kept, and the next run finds them in blocks.
 */
export function runsBySize(config: TrainConfig, { order, bounds }: Batches, first: boolean): Batches[] {
  const alone = first ? 1 : 0;
  const rest = bounds.slice(alone);
  const size = Math.ceil(rest.length / Math.ceil(rest.length / stepsPerRun(config)));
  const runs = Array.from({ length: Math.ceil(rest.length / size) }, (_, i) => rest.slice(i * size, (i + 1) * size));
  return [bounds.slice(0, alone), ...runs].filter(({ length }) => length > 0).map((bounds) => ({ order, bounds }));
}

/** Divides by sizes alone. `isFirst` says whether nothing has been trained yet. */
export const bySize = (config: TrainConfig, stepsPerEpoch: number, isFirst: () => boolean): Divider => ({
  epochs: (done) => joined(config, done, stepsPerEpoch),
  // Those of all batches, so that a training which goes on within an epoch has the runs of one that was not interrupted.
  runs(batches, trained = 0) {
    const runs = runsBySize(config, batches, isFirst());
    let left = trained;
    while (left > 0 && runs.length > 0) left -= runs.shift()!.bounds.length;
    return runs;
  },
  took() {},
  ended() {},
});

/**
 * Whether one of a training's runs ends after so many epochs.
 * If so, a training that stops there and goes on gives the same bytes as one that does not stop.
 */
export function endsRun(config: TrainConfig, rows: number, epochs: number): boolean {
  if (config.step !== "live" || config.shuffleRows !== undefined) return true;
  const stepsPerEpoch = Math.ceil((rows - heldOut(config, rows)) / config.batchSize);
  let done = 0;
  while (done < epochs) done += Math.min(joined(config, done, stepsPerEpoch), epochsUntilDue(config, done));
  return done === epochs;
}
