/** @file What a grid is going to do: everything that can be refused is refused here, before the first file is written. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { fittedTo, type TrainConfig } from "../../config/config.ts";
import { stemsOf } from "../../record/names.ts";
import type { SaeRecord } from "../../record/record.ts";
import { usableRuntime } from "../../runtime/providers.node.ts";
import { checkTrainingRows } from "../../train/rows.ts";
import { endsRun } from "../../train/runs/divide.ts";
import { type Dataset, datasetOf } from "../dataset.node.ts";
import { existingCheckpoint, existingRecords } from "../existing.node.ts";
import { defaultMemory, withinMemory } from "../memory.ts";
import { checkStep } from "../providerStep.ts";
import type { GridRun } from "./request.ts";

/** Threads inside an op, unless told otherwise. */
export const defaultThreads = 1;

/** One SAE of a grid: its files' names, and what is there of it from before. */
export interface Entry {
  readonly name: string;
  readonly config: TrainConfig;
  readonly before: Checkpoint | undefined;
}

/** A grid that can be trained. */
export interface GridPlan {
  readonly run: GridRun;
  readonly data: Dataset;
  readonly entries: readonly Entry[];
  /** Processes side by side, and whether each reads its next rows while it trains. */
  readonly jobs: number;
  readonly ahead: boolean;
  /** The metrics file, and what stands in it from before. */
  readonly path: string;
  readonly records: readonly SaeRecord[];
}

export const checkpointPath = ({ out }: GridRun, name: string): string => join(out, `${name}.safetensors`);

/**
 * Reads the data, completes the configurations for them, and looks at what is there already.
 * @throws {ConfigError} when rows do not fit, or files of other configurations or data are in the way.
 */
export async function planGrid(run: GridRun): Promise<GridPlan> {
  const { out, force = false, provider } = run;
  for (const { step } of run.configs) checkStep(provider, step);
  await usableRuntime(provider);
  const data = await datasetOf(run.set, run.trainRows, run.target);
  const rows = data.trainShapes.dims[0]!;
  const configs = run.configs.map((config) => fittedTo(config, rows));
  for (const config of configs) checkTrainingRows(config, data.trainShapes);
  const jobs = jobsOf(run);
  const side =
    "shards" in run.set
      ? withinMemory(configs, data.trainShapes.dims, { memory: run.memory ?? defaultMemory, jobs })
      : { jobs, ahead: true };
  const stems = stemsOf(run.name, configs);
  const path = join(out, `${run.name}.metrics.json`);
  const records = await existingRecords(path, data.info, force);
  const entries: Entry[] = [];
  for (const [i, name] of stems.entries()) {
    const config = configs[i]!;
    const before = force ? undefined : await existingCheckpoint(checkpointPath(run, name), config, data.info);
    entries.push({ name, config, before });
    if (before && before.epochsDone > 0 && !endsRun(config, rows, before.epochsDone))
      run.onNote?.(
        `${name}: goes on after epoch ${before.epochsDone}, where ${config.epochs} epochs at once would be in the middle of a run; the last digits may differ from those`,
      );
  }
  return { run, data, entries, path, records, ...side };
}

/**
 * How many processes train side by side. Several SAEs of one thread each are quicker than one after another on all cores:
 * most ops of a step are too small to share. And as the number of threads can change the last digits, it is the same
 * whatever the grid and the machine. Default: as many processes as there are cores for, four at most.
 */
const jobsOf = ({ jobs, threads = defaultThreads, configs }: GridRun): number =>
  Math.min(jobs ?? Math.min(4, Math.max(1, Math.floor(availableParallelism() / threads))), configs.length);
