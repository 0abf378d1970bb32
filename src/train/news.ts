import type { TrainConfig } from "../config/config.ts";
import type { Runtime } from "../runtime/session.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type TrainProgress, train } from "./train.ts";

/** A training's state after an epoch. */
export interface EpochNews {
  readonly epochsDone: number;
  /** Mean loss of the epoch. */
  readonly loss: number;
  /** Mean loss of each epoch so far, that one included. */
  readonly losses: readonly number[];
  /** Share of latents that did not fire in the last epoch's rows. */
  readonly deathRate: number;
  readonly seconds: number;
}

export interface Telling {
  readonly from?: TrainProgress | undefined;
  readonly threads?: number | undefined;
  readonly secondsPerRun?: number | undefined;
  /** `progress` can only be read until it returns. */
  readonly tell: (news: EpochNews, progress: TrainProgress) => void;
  /** Asked before the first run and after each: within an epoch, the training ends as it was before that epoch. */
  readonly stopped: () => boolean;
}

/** Ends a training within an epoch. */
class Stopped extends Error {}

/** Messages and signals arrive between runs only. */
const listen = () => new Promise((resolve) => setTimeout(resolve));

/** Trains and tells of each epoch. An error has where the training was at the end of its last run, as `progress`. */
export async function trainTelling(
  runtime: Runtime,
  config: TrainConfig,
  rows: HostTensor<"float32">,
  { from, threads, secondsPerRun, tell, stopped }: Telling,
): Promise<TrainProgress & { readonly seconds: number }> {
  const steps = Math.ceil(rows.dims[0]! / config.batchSize);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let reached = from;
  const progress = await train(runtime, config, rows, {
    ...{ from, threads, secondsPerRun },
    async stopped() {
      await listen();
      return stopped();
    },
    async onPause() {
      await listen();
      if (stopped() && reached) throw new Stopped();
    },
    async onRun(progress) {
      // Its state can be read until this returns, and an error comes later.
      const { epochsDone, loss, state } = progress;
      reached = { epochsDone, loss, state };
      const idle = state.steps_since_fired!.data;
      const deathRate = idle.reduce((count, n) => count + (n >= steps ? 1 : 0), 0) / idle.length;
      tell({ epochsDone, loss: loss.at(-1)!, losses: loss, deathRate, seconds: seconds() }, reached);
      await listen();
      return !stopped();
    },
  }).catch((error) => {
    if (error instanceof Stopped) return reached!;
    throw Object.assign(error, { progress: reached });
  });
  return { ...progress, seconds: seconds() };
}
