import { isFinished } from "../checkpoint/checkpoint.ts";
import { writeWhole } from "../data/files.node.ts";
import { locked } from "../data/lock.node.ts";
import { serializeMetrics } from "../record/metricsFile.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { metricsFile } from "../record/trained.ts";
import { rememberedContact } from "../train/process/contactMemory.node.ts";
import type { FirstContact } from "../train/process/firstContact.ts";
import { ProcessDied, type TrainingProcess } from "../train/process/trainingProcess.node.ts";
import { RuntimeFailure } from "../util/errors.ts";
import { existingMetrics } from "./existing.node.ts";
import { checkpointOf, finishSae, progressOf, reuse, saveCheckpoint } from "./grid/finish.node.ts";
import { checkpointPath, type Entry, type GridPlan, stateOf } from "./grid/plan.node.ts";
import { type Hold, TrainingPool } from "./grid/pool.node.ts";
import { gridTeller, workOf } from "./grid/progress.ts";
import type { GridProgress, GridRun } from "./grid/request.ts";
import { sealFile } from "./grid/seal.node.ts";
import { countsThreads } from "./grid/share.ts";
import { sharedAcrossSeeds } from "./grid/sharedSeeds.node.ts";
import { threadsRecorded } from "./grid/threads.ts";

/**
 * Trains every SAE of a plan, freezes and evaluates it, and writes checkpoint, encoder, autoencoder with verification vectors, and per-latent
 * numbers; the metrics file `NAME.metrics.json` grows with each. What is finished already is kept, what was interrupted goes on where it
 * stopped. What can be refused was refused by `planGrid`, before the first file is written. Several processes may train into one
 * metrics file; an SAE that another is training is waited for.
 * @throws {RuntimeFailure} when a training fails or its process ends early; what is finished by then is kept.
 */
export async function trainGrid(plan: GridPlan): Promise<{ file: MetricsFile; path: string; stopped: boolean }> {
  const { run, entries, path } = plan;
  const tell = gridTeller(run, entries);
  const ledger = new Ledger(plan);
  const finish = async (entry: Entry, record: SaeRecord, how: Pick<GridProgress, "state" | "waited">) => {
    await ledger.add(record);
    tell(entry, { epochsDone: entry.config.epochs, loss: record.loss.at(-1) ?? null, row: record, ...how });
  };

  await ledger.save();
  const queue: Entry[] = [];
  for (const entry of entries) {
    const { name, before, only } = entry;
    if (before && isFinished(before))
      await finish(entry, await reuse(plan, entry, before, entry.sealed ?? ledger.of(name)), { state: "reused" });
    else if (only) queue.push(entry);
  }
  // The longest first, so that no process is left alone with a long one at the end.
  queue.sort((one, other) => workOf(other.config) - workOf(one.config));
  const pool = run.sweep?.pool ?? new TrainingPool(Math.min(plan.share.jobs, queue.length));
  /** Trains one SAE with a process of the pool, unless it is stopped before. */
  const work = (next: Entry) =>
    pool.use(async (worker, hold) => {
      if (run.signal?.aborted) return;
      await pool.hand(worker, next.kept.training, plan);
      await locked(checkpointPath(run, next.name), () => finishOne(next, worker.process, hold), {
        ...{ patience: Number.POSITIVE_INFINITY, signal: run.signal, onWait: run.onNote },
      });
    });
  /** Trains one SAE that no other process is training, and that none has finished since the grid was planned. */
  const finishOne = async (planned: Entry, child: TrainingProcess, hold: Hold) => {
    const { name, config } = planned;
    const { before, sealed } = await stateOf(run, { name, config }, plan.data.info);
    const entry = {
      ...planned,
      before,
      threads: threadsRecorded({ provider: run.provider }, { name, config, before }, plan.share.threads),
    };
    if (before && isFinished(before)) {
      await ledger.save();
      return finish(planned, await reuse(plan, entry, before, sealed ?? ledger.of(name)), { state: "reused" });
    }
    const onEpoch = (epochsDone: number, loss: number | null) => tell(planned, { epochsDone, loss, state: "training" });
    const trained = await trainEntry(plan, entry, child, { onEpoch, hold });
    if (trained.contact) ledger.contact = trained.contact;
    if (trained.record) await finish(planned, trained.record, { state: "finished", waited: trained.waited });
  };
  try {
    const trained = queue.map((one) => (run.sweep ? survive(() => work(one), one.name, run) : work(one)));
    run.sweep?.begun();
    await Promise.all(trained);
  } finally {
    if (!run.sweep) pool.close();
  }
  if (entries.every(({ name }) => ledger.of(name))) {
    for (const record of await sharedAcrossSeeds(plan, ledger.file.rows)) await ledger.add(record);
    if (run.sweep) await sealFile(path);
  }
  return { file: ledger.file, path, stopped: entries.some(({ name, only }) => only && !ledger.of(name)) };
}

/** Times that a training goes on from its last saved state after its process died. */
const lives = 3;

/** Does work again whose training process died, as one that is killed for its memory does; what cannot be trained is no reason to stop. */
async function survive(work: () => Promise<void>, name: string, { onNote, signal, sweep }: GridRun): Promise<void> {
  for (let life = 1; ; life++)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || signal?.aborted) throw error;
      if (!(error instanceof ProcessDied) || life === lives) return sweep?.failed(`${name}: ${error.message}`);
      onNote?.(`${name}: ${error.message}; it goes on from where it was saved last (${life} of ${lives - 1})`);
    }
}

/** Trains one SAE in a process, and finishes it; without a `record` where it was stopped, and saved, in between. */
async function trainEntry(
  plan: GridPlan,
  entry: Entry,
  child: TrainingProcess,
  { onEpoch, hold }: { readonly onEpoch: (epochsDone: number, loss: number | null) => void; readonly hold: Hold },
): Promise<{ record?: SaeRecord; waited: number; contact: FirstContact | undefined }> {
  const { provider, signal, epochsPerRun, start, snapshotSeconds } = plan.run;
  const { threads } = plan.share;
  const { name, config, before } = entry;
  const from = before && progressOf(before);
  const training = child.train({
    ...{ config, provider, from, start, threads, epochsPerRun, signal, onEpoch, snapshotSeconds },
    onSnapshot: (progress) => saveCheckpoint(plan, name, checkpointOf(plan, entry, progress)),
  });
  hold.begun();
  const trained = await training;
  const { contact } = trained;
  const waited = trained.waited / trained.seconds;
  await hold.giveBack();
  if (trained.epochsDone >= config.epochs) return { record: await finishSae(plan, entry, trained), waited, contact };
  await saveCheckpoint(plan, name, checkpointOf(plan, entry, trained));
  return { waited, contact };
}

/** The metrics file of a grid while it grows; other processes may add to it too. */
class Ledger {
  /** How the GPU's first training compared with the CPU's. */
  contact: FirstContact | undefined;
  readonly #plan: GridPlan;
  /** Those of this process, by name; and all that the file holds. */
  readonly #own = new Map<string, SaeRecord>();
  #records: readonly SaeRecord[];
  #saving = Promise.resolve();
  #saved = false;

  constructor(plan: GridPlan) {
    this.#plan = plan;
    this.#records = plan.records;
    this.contact = plan.run.provider === "cuda" ? rememberedContact("cuda") : undefined;
  }

  /** The record of an SAE, if it has one. */
  of(name: string): SaeRecord | undefined {
    return this.#records.find((one) => one.name === name);
  }

  add(record: SaeRecord): Promise<void> {
    this.#own.set(record.name, record);
    return this.save();
  }

  /** Records of other grids first, then this one's in its order. */
  get file(): MetricsFile {
    const { entries, data, run, begun } = this.#plan;
    const names = entries.map(({ name }) => name);
    const others = this.#records.filter(({ name }) => !names.includes(name));
    const own = names.flatMap((name) => this.of(name) ?? []);
    const configs = entries.map(({ config }) => config);
    const file = metricsFile(configs, data.info, [...others, ...own]);
    const how = {
      ...(countsThreads(run.provider) && begun !== undefined ? { threads: begun } : {}),
      ...(this.contact ? { first_contact: this.contact } : {}),
    };
    return { ...file, config: { ...file.config, ...how } };
  }

  /** Adds this grid's records to what the file holds by now; one writing at a time, in order. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#merge());
    return this.#saving;
  }

  async #merge(): Promise<void> {
    const { path, data, run } = this.#plan;
    await locked(
      path,
      async () => {
        // What --force gives up is what was there before.
        const found = await existingMetrics(
          path,
          data.info,
          (run.force === true || run.sweep !== undefined) && !this.#saved,
        );
        this.#records = [...(found?.rows ?? []).filter(({ name }) => !this.#own.has(name)), ...this.#own.values()];
        await writeWhole(path, serializeMetrics(this.file));
        this.#saved = true;
      },
      { onWait: run.onNote },
    );
  }
}
