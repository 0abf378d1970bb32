/**
 * @file How steps become runs of the session: decided here and nowhere else. A run blocks its thread, so that news, stops and saved
 * states come between runs; and every run takes the state into the session and back, which costs.
 *
 * - Step `dense`: runs never change the numbers. So time decides: as many epochs as keep the state's way below a share of the time, and
 *   a part of an epoch where a whole one takes too long (`byTime`). Or as many epochs as were asked for (`asAsked`).
 * - Step `live`: between runs rows come to rest, so runs have a say in the last digits. So sizes alone decide, on every machine the
 *   same (`bySize`).
 */
import type { TrainConfig } from "../../config/config.ts";
import { optimizerOf, stateBytes } from "../state.ts";
import type { Batches } from "./batches.ts";
import { epochsForNextRun, Pace } from "./pace.ts";

/** Divides a training into runs, epoch after epoch. */
export interface Divider {
  /** How many epochs are asked for at once when `done` are behind. */
  epochs(done: number): number;
  /** The runs of their batches. */
  runs(batches: Batches): Iterable<Batches>;
  /** Takes note of what a run of so many steps took. */
  took(steps: number, seconds: number): void;
  /** Takes note of what all runs of so many epochs took; `rowBytes` went into each. */
  ended(epochs: number, seconds: number, rowBytes: number): void;
}

/** So many epochs a run. */
export const asAsked = (epochsPerRun: number): Divider => ({
  epochs: () => epochsPerRun,
  runs: (batches) => [batches],
  took() {},
  ended() {},
});

/** By how long the runs before took. */
export function byTime(
  config: TrainConfig,
  { on, seconds: most }: { readonly on: "cpu" | "gpu"; readonly seconds?: number | undefined },
): Divider {
  const pace = new Pace(config, { on, seconds: most });
  let perRun = 1;
  return {
    epochs: () => perRun,
    runs: (batches) => pace.parts(batches),
    took: (steps, seconds) => pace.took(steps, seconds),
    ended(epochs, seconds, rowBytes) {
      const crossing = 2 * stateBytes(config) + (on === "gpu" ? rowBytes : 0);
      perRun = epochsForNextRun(crossing, { epochs, seconds }, { on, seconds: most });
    },
  };
}

/** Entries of the encoder's products that a run has at most: 56 steps of 256 rows at 2,048 dims and latents, one to four seconds. */
const workPerRun = 6e10;

/** Runs of several epochs have at most so many steps: rows come to rest within some 170, and that is only seen when a run is over. */
const joinedSteps = 100;

/** Steps after which a slot's scale has fallen to 1e-12. A run has no more, so that what is divided by it stays far within float32. */
const stepsPerScale = (config: TrainConfig): number =>
  Math.floor(-Math.log(1e-12) / Math.max(0, ...Object.values(optimizerOf(config).decay).map((by) => -Math.log(by))));

function stepsPerRun(config: TrainConfig): number {
  const { batchSize, inputDim, latentDim } = config;
  return Math.min(Math.max(8, Math.floor(workPerRun / (batchSize * inputDim * latentDim))), stepsPerScale(config));
}

/** Most latents that are ever kept are so for the first time in the first epochs: a run has no more epochs than there were before it. */
const joined = (config: TrainConfig, done: number, stepsPerEpoch: number): number =>
  Math.max(1, Math.min(done, Math.floor(Math.min(joinedSteps, stepsPerRun(config)) / stepsPerEpoch)));

/**
 * The runs of some batches, by sizes alone. A training's `first` batch keeps most latents that are ever kept: as a run of its own it
 * leaves them in blocks for the second.
 */
export function runsBySize(config: TrainConfig, { order, bounds }: Batches, first: boolean): readonly Batches[] {
  const alone = first ? 1 : 0;
  const rest = bounds.slice(alone);
  const size = Math.ceil(rest.length / Math.ceil(rest.length / stepsPerRun(config)));
  const runs = Array.from({ length: Math.ceil(rest.length / size) }, (_, i) => rest.slice(i * size, (i + 1) * size));
  return [bounds.slice(0, alone), ...runs].filter(({ length }) => length > 0).map((bounds) => ({ order, bounds }));
}

/** By sizes alone; `isFirst` says whether nothing has been trained yet. */
export const bySize = (config: TrainConfig, stepsPerEpoch: number, isFirst: () => boolean): Divider => ({
  epochs: (done) => joined(config, done, stepsPerEpoch),
  runs: (batches) => runsBySize(config, batches, isFirst()),
  took() {},
  ended() {},
});

/** Whether a training on so many rows has a run that ends after so many epochs: going on from there gives the same bytes as no stop. */
export function endsRun(config: TrainConfig, rows: number, epochs: number): boolean {
  if (config.step !== "live" || config.shuffleRows !== undefined) return true;
  const stepsPerEpoch = Math.ceil(rows / config.batchSize);
  let done = 0;
  while (done < epochs) done += joined(config, done, stepsPerEpoch);
  return done === epochs;
}
