import type { TrainConfig } from "../config/config.ts";
import type { Runtime } from "../runtime/session.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type TrainProgress, train } from "./train.ts";

/** A training's state after an epoch. */
export interface EpochNews {
  readonly epochsDone: number;
  /** Mean loss of the epoch. */
  readonly loss: number;
  /** Share of latents that did not fire in the last epoch's rows. */
  readonly deathRate: number;
  readonly seconds: number;
}

export interface Telling {
  readonly from?: TrainProgress | undefined;
  readonly threads?: number | undefined;
  readonly tell: (news: EpochNews) => void;
  /** Asked after each run that ends an epoch. */
  readonly stopped: () => boolean;
}

/** Trains and tells of each epoch. An error has where the training was at the end of its last run, as `progress`. */
export async function trainTelling(
  runtime: Runtime,
  config: TrainConfig,
  rows: HostTensor<"float32">,
  { from, threads, tell, stopped }: Telling,
): Promise<TrainProgress & { readonly seconds: number }> {
  const steps = Math.ceil(rows.dims[0]! / config.batchSize);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let reached = from;
  const progress = await train(runtime, config, rows, {
    from,
    threads,
    async onRun(progress) {
      // Its state can be read until this returns, and an error comes later.
      const { epochsDone, loss, state } = progress;
      reached = { epochsDone, loss, state };
      const idle = state.steps_since_fired!.data;
      const deathRate = idle.reduce((count, n) => count + (n >= steps ? 1 : 0), 0) / idle.length;
      tell({ epochsDone, loss: loss.at(-1)!, deathRate, seconds: seconds() });
      // Messages and signals arrive between runs only.
      await new Promise((resolve) => setTimeout(resolve));
      return !stopped();
    },
  }).catch((error) => {
    throw Object.assign(error, { progress: reached });
  });
  return { ...progress, seconds: seconds() };
}
