import { join } from "node:path";
import type { TrainConfig } from "../../config/config.ts";
import { stemsOf } from "../../record/names.ts";
import type { SaeRecord } from "../../record/record.ts";
import type { ProviderName } from "../../runtime/capabilities.ts";
import { IdleSessions } from "../../runtime/idleSessions.ts";
import { type Machine, machineHere } from "../../runtime/machine.node.ts";
import { usableRuntime } from "../../runtime/providers.node.ts";
import { checkTrainingRows } from "../../train/rows.ts";
import { ConfigError } from "../../util/errors.ts";
import { groupBy } from "../../util/group.ts";
import { planGrid } from "../grid/plan.node.ts";
import { TrainingPool } from "../grid/pool.node.ts";
import { gridTeller } from "../grid/progress.ts";
import type { GridProgress, PartOfSweep } from "../grid/request.ts";
import { checkSeal, isSealedFile } from "../grid/seal.node.ts";
import { shareOut } from "../grid/share.ts";
import { roomBesideRows } from "../memory.ts";
import { checkStep } from "../providerStep.ts";
import { trainGrid } from "../trainGrid.node.ts";
import { alone, claimFolder, folderOfGroup, prefixOf, type SweepFile } from "./folder.node.ts";
import { type DataGroup, type GroupedData, groupInWords } from "./groups.node.ts";

/** One of so many equal parts of a sweep, counted from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** What to train on which groups, and how the machine is used. */
export interface SweepRun {
  readonly data: GroupedData;
  /** The SAEs of each group. */
  readonly configs: readonly TrainConfig[];
  /** What was asked for, as `sweep.json` keeps it: it tells this sweep from others. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly name: string;
  readonly provider: ProviderName;
  /** Threads inside an op of each training; default 1, on every machine, so that the bytes are the same. */
  readonly threads?: number | undefined;
  readonly jobs?: number | undefined;
  /** Bytes of memory that all processes stay within; default: what is free. */
  readonly memory?: number | undefined;
  readonly machine?: Machine | undefined;
  readonly shard?: Shard | undefined;
  readonly keepState?: boolean | undefined;
  readonly snapshotSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: GridProgress) => void;
  readonly onNote?: (text: string) => void;
  /** Called once the folder is this sweep's. */
  readonly onBegin?: () => void;
  /** Called with the reason for an SAE that cannot be trained. */
  readonly onFailed?: (why: string) => void;
}

/** One SAE of one group. */
export interface Cell {
  readonly group: DataGroup;
  readonly config: TrainConfig;
  /** Its place among the configurations of its group. */
  readonly place: number;
  readonly name: string;
}

/** A sweep that can be trained. */
export interface SweepPlan {
  readonly run: SweepRun;
  readonly file: SweepFile;
  /** All SAEs, group after group. */
  readonly cells: readonly Cell[];
  /** Those of this process. */
  readonly own: readonly Cell[];
  readonly jobs: number;
  readonly threads: number;
}

/**
 * What a sweep is going to do. Nothing is written.
 * @throws {ConfigError} when a group cannot be trained on, names are equal, or a shard is out of range.
 */
export async function planSweep(run: SweepRun): Promise<SweepPlan> {
  const { data, configs, name, provider, shard, threads = 1 } = run;
  for (const { step } of configs) checkStep(provider, step);
  await usableRuntime(provider);
  for (const group of data.groups)
    for (const config of configs)
      try {
        const dims = [data.trainRowsOf(group), data.inputDim];
        checkTrainingRows(config, {
          dims,
          targetDims: data.outputDim === undefined ? undefined : [dims[0]!, data.outputDim],
        });
      } catch (error) {
        throw new ConfigError(
          `group ${groupInWords(group)}: ${(error as Error).message}; or leave the group out with --where`,
        );
      }
  const stems = stemsOfKinds(configs);
  const twice = stems.find((one, i) => stems.indexOf(one) !== i);
  if (twice !== undefined) throw new ConfigError(`the SAE ${name}${twice} is asked for twice; take one of them out`);
  const cells = data.groups.flatMap((group) =>
    configs.map((config, place) => ({ group, config, place, name: `${prefixOf(name, group.name)}${stems[place]}` })),
  );
  const own = shard ? partOf(cells, shard) : cells;
  const groups = data.groups.map(({ name, values, rows }) => ({ name, values, rows }));
  const file: SweepFile = { version: 1, name, config: run.asked, data: [...data.files], groups, saes: stems };
  const { cores, memory } = run.machine ?? machineHere();
  const rows = Math.max(...data.groups.map((group) => data.trainRowsOf(group)));
  const room = roomBesideRows(configs, [rows], Math.min(memory, run.memory ?? Number.POSITIVE_INFINITY));
  const work = { provider, cells: Math.max(1, own.length), cores, room, memory: "memory", jobs: run.jobs, threads };
  return { run, file, cells, own, ...shareOut(work) };
}

/** What the SAEs of a group are called behind its own name: `_d512_k5`; of several architectures each has its name before that. */
function stemsOfKinds(configs: readonly TrainConfig[]): string[] {
  const kinds = groupBy(configs, ({ architecture }) => architecture);
  const names = new Map<TrainConfig, string>();
  for (const [architecture, own] of kinds)
    for (const [i, stem] of stemsOf("x", own).entries())
      names.set(own[i]!, `${kinds.size > 1 ? `_${architecture}` : ""}${stem.slice(1)}`);
  return configs.map((config) => names.get(config)!);
}

/** The part of some cells that is a shard's: one stretch of them, so that it needs few groups. @throws {ConfigError} for an index out of range. */
export function partOf<T>(cells: readonly T[], { index, count }: Shard): readonly T[] {
  if (count > cells.length)
    throw new ConfigError(`--shard: ${count} parts of ${cells.length} SAEs; at most ${cells.length} parts have any`);
  const at = (i: number) => Math.floor((i * cells.length) / count);
  return cells.slice(at(index), at(index + 1));
}

/** What came of a sweep, or of a part of it. */
export interface SweepResult {
  /** Cells of this process that are finished. */
  readonly finished: number;
  readonly stopped: boolean;
  /** Why SAEs could not be trained, a sentence each; they are tried again by the same command. */
  readonly failed: readonly string[];
  /** Seconds from the first training to the last file, and those in which the training processes trained. */
  readonly seconds: number;
  readonly trainingSeconds: number;
}

/**
 * Trains all SAEs of a sweep, or of its part. What is finished, by the digests of its files, is kept; what was interrupted goes on from
 * where it was saved last. Groups follow one another without a pause: the first SAEs of the next train beside the last of the one before.
 * @throws {ConfigError} when the folder is another sweep's, or another process is at the same part of it.
 */
export async function trainSweep(plan: SweepPlan): Promise<SweepResult> {
  const { run, file } = plan;
  const { shard, out } = run;
  return alone(out, shard ? `shard-${shard.index}-of-${shard.count}` : "sweep", async () => {
    await claimFolder(out, file);
    run.onBegin?.();
    return trainCells(plan);
  });
}

async function trainCells(plan: SweepPlan): Promise<SweepResult> {
  const { run, own, jobs } = plan;
  const byName = new Map(own.map((cell) => [cell.name, cell]));
  const tell = gridTeller(run, own);
  const pool = new TrainingPool(jobs);
  const sessions = new IdleSessions();
  const failed: string[] = [];
  const started = performance.now();
  let [finished, trainingSeconds] = [0, 0];
  let broken: unknown;
  const news = (progress: GridProgress) => {
    const cell = byName.get(progress.name);
    if (!cell) return;
    if (progress.state !== "training") finished++;
    const { epochsDone, loss, state, row, waited } = progress;
    if (state === "finished") trainingSeconds += row?.train_time_sec ?? 0;
    tell(cell, { epochsDone, loss, state, ...(row ? { row } : {}), ...(waited === undefined ? {} : { waited }) });
  };
  const fail = (why: string) => {
    failed.push(why);
    run.onFailed?.(why);
  };
  const running = new Set<Promise<void>>();
  const stops = () => run.signal?.aborted === true || broken !== undefined;
  try {
    for (const group of run.data.groups) {
      const cells = own.filter((cell) => cell.group === group);
      if (cells.length === 0) continue;
      await pool.idle();
      if (stops()) break;
      const known = await finishedBefore(plan, group, cells);
      if (known) {
        for (const row of known) news({ ...nothing, name: row.name, row, epochsDone: row.epochs, epochs: row.epochs });
        continue;
      }
      // Until its trainings wait for a process, the next group is not read.
      await new Promise<void>((begun) => {
        const one = trainGroup(plan, group, cells, { pool, sessions, begun, failed: fail }, news)
          .catch((error: unknown) => {
            broken ??= error;
          })
          .finally(() => {
            running.delete(one);
            begun();
          });
        running.add(one);
      });
    }
    while (running.size > 0 && broken === undefined) await Promise.race(running);
  } finally {
    pool.close();
  }
  if (broken !== undefined) throw broken;
  const stopped = finished + failed.length < own.length;
  return { finished, stopped, failed, seconds: (performance.now() - started) / 1000, trainingSeconds };
}

const nothing = { loss: null, state: "reused", finished: 0, count: 0, done: 0 } as const;

/** The records of a group's SAEs, where all are sealed, and so is its metrics file; then its data need not be read. */
async function finishedBefore(
  { run, file }: SweepPlan,
  group: DataGroup,
  cells: readonly Cell[],
): Promise<SaeRecord[] | undefined> {
  const out = folderOfGroup(run.out, group.name);
  if (!(await isSealedFile(join(out, `${prefixOf(file.name, group.name)}.metrics.json`)))) return undefined;
  const records: SaeRecord[] = [];
  for (const { name } of cells) {
    const found = await checkSeal(out, name);
    if (!("record" in found)) return undefined;
    records.push(found.record);
  }
  return records;
}

async function trainGroup(
  { run, file, threads, jobs }: SweepPlan,
  group: DataGroup,
  cells: readonly Cell[],
  part: Omit<PartOfSweep, "only">,
  onProgress: (progress: GridProgress) => void,
): Promise<void> {
  const { configs, provider, keepState, snapshotSeconds, signal, onNote, memory, machine } = run;
  const places = new Set(cells.map(({ place }) => place));
  const plan = await planGrid({
    ...(await run.data.read(group)),
    ...{ configs, provider, threads, jobs, memory, machine, keepState, snapshotSeconds, signal },
    ...{ out: folderOfGroup(run.out, group.name), name: prefixOf(run.name, group.name), stems: file.saes },
    sweep: { ...part, only: (place) => places.has(place) },
    onProgress,
    ...(onNote ? { onNote } : {}),
  });
  await trainGrid(plan);
}
