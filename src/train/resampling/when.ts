/** @file When dead latents are resampled: at the start of every so many epochs, so never after the last one. */
import type { TrainConfig } from "../../config/config.ts";

type Timing = Pick<TrainConfig, "resampleEvery">;

/** Whether latents are resampled before the epoch that follows `done` others. */
export const isDue = ({ resampleEvery }: Timing, done: number): boolean =>
  resampleEvery > 0 && done > 0 && done % resampleEvery === 0;

/** How many of the next epochs can be trained before latents are resampled. */
export const epochsUntilDue = ({ resampleEvery }: Timing, done: number): number =>
  resampleEvery > 0 ? resampleEvery - (done % resampleEvery) : Number.POSITIVE_INFINITY;
