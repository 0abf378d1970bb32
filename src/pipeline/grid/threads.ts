/** @file The threads of SAEs that are there already: what goes on does so with as many as it began with, so that it ends at the same bytes. */
import { type Checkpoint, isFinished } from "../../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../config/config.ts";
import type { MetricsFile, SaeRecord } from "../../record/record.ts";
import { metricsFile } from "../../record/trained.ts";
import type { GridRun } from "./request.ts";
import { countsThreads } from "./share.ts";

/** One SAE of a grid: its files' names, and what is there of it from before. */
export interface Found {
  readonly name: string;
  readonly config: TrainConfig;
  readonly before: Checkpoint | undefined;
  /** What its seal says, of one of a sweep that is finished. */
  readonly sealed?: SaeRecord | undefined;
}

/** The threads of a training so far, `null` where they were not the same all the way. A checkpoint leaves out one thread. */
function threadsSoFar({ before }: Found): number | null | undefined {
  if (!before || before.epochsDone === 0) return undefined;
  const { threads = 1 } = before;
  return threads;
}

/**
 * The threads that the SAEs left of a grid began with: what the metrics file says, where it is one of the same configurations, else those
 * of the first training that was interrupted. SAEs not begun have as many: so an interruption changes no bytes.
 */
export function threadsBegun(
  metrics: MetricsFile | undefined,
  configs: readonly TrainConfig[],
  left: readonly Found[],
): number | undefined {
  if (metrics) {
    const { threads, first_contact: _, ...config } = metrics.config;
    const same = JSON.stringify(config) === JSON.stringify(metricsFile(configs, metrics.data, []).config);
    if (same && Number.isInteger(threads) && Number(threads) >= 1) return Number(threads);
  }
  return left.map(threadsSoFar).find((threads) => typeof threads === "number") ?? undefined;
}

/** The threads that an SAE is recorded with, where those that are left train with so many; tells of one that had others before. */
export function threadsRecorded(
  { provider, onNote }: Pick<GridRun, "provider" | "onNote">,
  one: Found,
  threads: number,
): number | null {
  const { name, before } = one;
  if (!countsThreads(provider)) return null;
  const soFar = threadsSoFar(one);
  if (soFar === undefined) return threads;
  if (soFar === threads || isFinished(before!)) return soFar;
  if (soFar !== null)
    onNote?.(
      `${name}: was trained with --threads ${soFar} until epoch ${before!.epochsDone}, goes on with ${threads}; the last digits are those of neither`,
    );
  return null;
}
