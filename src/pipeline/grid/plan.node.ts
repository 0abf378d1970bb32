/** @file What a grid is going to do: everything that can be refused is refused here, before the first file is written. */
import { join } from "node:path";
import { isFinished } from "../../checkpoint/checkpoint.ts";
import type { Origin } from "../../checkpoint/origin.ts";
import { fittedTo, type TrainConfig } from "../../config/config.ts";
import type { DataInfo } from "../../data/describe.ts";
import { stemsOf } from "../../record/names.ts";
import type { SaeRecord } from "../../record/record.ts";
import { machineHere } from "../../runtime/machine.node.ts";
import { usableRuntime } from "../../runtime/providers.node.ts";
import { checkTrainingRows, type RowShapes } from "../../train/rows.ts";
import { endsRun } from "../../train/runs/divide.ts";
import { bytesInWords } from "../../util/bytes.ts";
import { ConfigError } from "../../util/errors.ts";
import { type Dataset, datasetOf, rowsOf } from "../dataset.node.ts";
import { damageIn, existingCheckpoint, existingMetrics } from "../existing.node.ts";
import { defaultMemory, roomBesideRows, withinMemory } from "../memory.ts";
import { checkStep } from "../providerStep.ts";
import { type KeptRows, keptRows, originOfRows } from "./keptRows.node.ts";
import type { GridRun } from "./request.ts";
import { checkSeal } from "./seal.node.ts";
import { countsThreads, type Share, shareOut, shareSentence } from "./share.ts";
import { type Found, threadsBegun, threadsRecorded } from "./threads.ts";

/** One SAE of a grid, as it is going to be trained. */
export interface Entry extends Found {
  /** Threads it is recorded with: `null` where they were not the same all the way, or do not count. */
  readonly threads: number | null;
  /** The rows it trains on. */
  readonly kept: KeptRows;
  /** Whether it is trained here, and not by another process of the same sweep. */
  readonly only: boolean;
}

/** A grid that can be trained. */
export interface GridPlan {
  readonly run: GridRun;
  readonly data: Dataset;
  /** Where the training rows come from, where their files say so. */
  readonly origin: Origin | null;
  readonly entries: readonly Entry[];
  /** The entries that are left to train, side by side, and whether each reads its next rows while it trains. */
  readonly share: Share;
  readonly ahead: boolean;
  /** Threads that the metrics file says this grid began with, to go on with as many; nothing where that is not known. */
  readonly begun: number | undefined;
  /** How the machine is used, in one sentence; nothing where there is nothing to train. */
  readonly sentence: string | undefined;
  /** The metrics file, and what stands in it from before. */
  readonly path: string;
  readonly records: readonly SaeRecord[];
}

export const checkpointPath = ({ out }: Pick<GridRun, "out">, name: string): string => join(out, `${name}.safetensors`);

/**
 * Reads the data, completes the configurations for them, and looks at what is there already.
 * @throws {ConfigError} when rows do not fit, or files of other configurations or data are in the way.
 */
export async function planGrid(run: GridRun): Promise<GridPlan> {
  const { out, force = false, provider } = run;
  for (const { step } of run.configs) checkStep(provider, step);
  await usableRuntime(provider);
  const data = await datasetOf(run.set, run.trainRows, run.target);
  const kept = await keptRows(run.configs, data);
  const rowsOf = (i: number) => kept[i]!.shapes.dims[0]!;
  const configs = run.configs.map((config, i) => fittedTo(config, rowsOf(i)));
  for (const [i, config] of configs.entries()) checkRows(run, config, kept[i]!.shapes);
  const stems = run.stems?.map((stem) => `${run.name}${stem}`) ?? stemsOf(run.name, configs);
  tellLeftOut(run, kept);
  const path = join(out, `${run.name}.metrics.json`);
  const metrics = await existingMetrics(path, data.info, force || run.sweep !== undefined);
  const found: Found[] = [];
  for (const [i, name] of stems.entries()) {
    const config = configs[i]!;
    const { before, sealed } = await stateOf(run, { name, config }, data.info);
    found.push({ name, config, before, sealed });
    if (before && before.epochsDone > 0 && !endsRun(config, rowsOf(i), before.epochsDone))
      run.onNote?.(
        `${name}: goes on after epoch ${before.epochsDone}, where ${config.epochs} epochs at once would be in the middle of a run; the last digits may differ from those`,
      );
  }
  const only = run.sweep?.only ?? (() => true);
  const left = found.filter(({ before }, i) => only(i) && (!before || !isFinished(before)));
  const before = force ? undefined : threadsBegun(metrics, configs, left);
  const use = useOfMachine(run, left, data, before);
  const begun = left.length > 0 ? use.share.threads : run.sweep ? run.threads : before;
  const entries = found.map((one, i) => ({
    ...one,
    ...{ threads: threadsRecorded(run, one, use.share.threads), kept: kept[i]!, only: only(i) },
  }));
  const origin = left.length > 0 ? await originOfRows(data) : null;
  return { run, data, origin, entries, begun, path, records: metrics?.rows ?? [], ...use };
}

/** @throws {ConfigError} as `checkTrainingRows`, with the file; where its column leaves no row to train, that is why. */
function checkRows({ set, trainRows }: GridRun, config: TrainConfig, shapes: RowShapes): void {
  if (shapes.dims[0] === 0 && trainRows === undefined && rowsOf(set) > 1)
    throw new ConfigError(
      `${set.source}: no row trains, its column "split" has no 0; write 0 for rows that train, or give trainRows`,
    );
  try {
    checkTrainingRows(config, shapes);
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`${set.source}: ${error.message}`) : error;
  }
}

/**
 * What is there of an SAE. One of a sweep is finished only where all its files have the digests they had; what is damaged is said, and
 * made again.
 * @throws {ConfigError} when a checkpoint of another configuration or other data is in the way.
 */
export async function stateOf(
  run: Pick<GridRun, "force" | "out" | "sweep" | "onNote">,
  { name, config }: Pick<Found, "name" | "config">,
  info: DataInfo,
): Promise<Pick<Found, "before" | "sealed">> {
  if (run.force) return { before: undefined };
  const path = checkpointPath(run, name);
  if (!run.sweep) return { before: await existingCheckpoint(path, config, info) };
  const found = await checkSeal(run.out, name);
  if ("record" in found) return { before: await existingCheckpoint(path, config, info), sealed: found.record };
  if (found.wrong !== undefined) run.onNote?.(`${found.wrong}; ${name} is made again`);
  const damage = await damageIn(path);
  if (damage !== undefined) run.onNote?.(`${damage}; ${name} is made again`);
  const before = damage === undefined ? await existingCheckpoint(path, config, info) : undefined;
  // Without a seal, or with a broken one, a finished checkpoint says nothing of the files beside it.
  return { before: before && isFinished(before) ? undefined : before };
}

/** How the SAEs that are left to train share the machine. */
function useOfMachine(
  run: GridRun,
  left: readonly Found[],
  { trainShapes: { dims } }: Dataset,
  begun: number | undefined,
): Pick<GridPlan, "share" | "ahead" | "sentence"> {
  if (left.length === 0) return { share: { jobs: 0, threads: 1 }, ahead: true, sentence: undefined };
  const { provider, jobs, threads, machine = machineHere(), memory: allowed = defaultMemory } = run;
  const configs = left.map(({ config }) => config);
  const inMemory = () => {
    const bounded = jobs === undefined && countsThreads(provider);
    return { room: bounded ? roomBesideRows(configs, dims, machine.memory) : Number.POSITIVE_INFINITY, ahead: true };
  };
  const [{ room, ahead }, memory] =
    "shards" in run.set
      ? [withinMemory(configs, dims, allowed), `--memory (${bytesInWords(allowed)})`]
      : [inMemory(), `memory (${bytesInWords(machine.memory)} free)`];
  const work = { provider, cells: left.length, cores: machine.cores, room, memory, jobs, threads, begun };
  const share = shareOut(work);
  return { share, ahead, sentence: shareSentence(work, share) };
}

/** Says how many rows are left out of training, once for each limit. */
function tellLeftOut({ configs, onNote }: GridRun, kept: readonly KeptRows[]): void {
  const said = new Map(configs.map(({ maxRowNorm }, i) => [maxRowNorm, kept[i]!]));
  for (const [limit, { leftOut, shapes }] of said) {
    const count = shapes.dims[0]! + leftOut;
    if (limit !== "none") onNote?.(`--max-row-norm ${limit}: ${leftOut} of ${count} training rows are left out`);
  }
}
