import { isFinished } from "../checkpoint/checkpoint.ts";
import { writeWhole } from "../data/files.node.ts";
import { locked } from "../data/lock.node.ts";
import { serializeMetrics } from "../record/metricsFile.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { metricsFile } from "../record/trained.ts";
import { rememberedContact } from "../train/process/contactMemory.node.ts";
import type { FirstContact } from "../train/process/firstContact.ts";
import { TrainingProcess } from "../train/process/trainingProcess.node.ts";
import { existingCheckpoint, existingMetrics } from "./existing.node.ts";
import { checkpointOf, finishSae, progressOf, reuse, saveCheckpoint } from "./grid/finish.node.ts";
import { checkpointPath, type Entry, type GridPlan } from "./grid/plan.node.ts";
import { gridTeller, workOf } from "./grid/progress.ts";
import type { GridProgress } from "./grid/request.ts";
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
    const { name, before } = entry;
    if (before && isFinished(before))
      await finish(entry, await reuse(plan, entry, before, ledger.of(name)), { state: "reused" });
    else queue.push(entry);
  }
  // The longest first, so that no process is left alone with a long one at the end.
  queue.sort((one, other) => workOf(other.config) - workOf(one.config));
  const children: TrainingProcess[] = [];
  let handing = Promise.resolve();
  /** One process, that takes one SAE after another until none is left or the grid is stopped. */
  const work = async () => {
    const child = new TrainingProcess();
    // Before anything is awaited: whatever fails, this process is ended too.
    children.push(child);
    let has: Entry["kept"]["training"] | undefined;
    while (queue.length > 0 && !run.signal?.aborted) {
      const next = queue.shift()!;
      const { training } = next.kept;
      if (training !== has) {
        // One after another: while rows are sent, this process holds a copy of them.
        handing = handing.then(() => child.hand(training, plan));
        await handing;
        has = training;
      }
      await locked(checkpointPath(run, next.name), () => finishOne(next, child), {
        ...{ patience: Number.POSITIVE_INFINITY, signal: run.signal, onWait: run.onNote },
      });
    }
  };
  /** Trains one SAE that no other process is training, and that none has finished since the grid was planned. */
  const finishOne = async (planned: Entry, child: TrainingProcess) => {
    const { name, config } = planned;
    const path = checkpointPath(run, name);
    const before = run.force ? undefined : await existingCheckpoint(path, config, plan.data.info);
    const entry = {
      ...planned,
      before,
      threads: threadsRecorded({ provider: run.provider }, { name, config, before }, plan.share.threads),
    };
    if (before && isFinished(before)) {
      await ledger.save();
      return finish(planned, await reuse(plan, entry, before, ledger.of(name)), { state: "reused" });
    }
    const trained = await trainEntry(plan, entry, child, (epochsDone, loss) =>
      tell(planned, { epochsDone, loss, state: "training" }),
    );
    if (trained.contact) ledger.contact = trained.contact;
    if (trained.record) await finish(planned, trained.record, { state: "finished", waited: trained.waited });
  };
  try {
    await Promise.all(Array.from({ length: Math.min(plan.share.jobs, queue.length) }, work));
  } finally {
    for (const child of children) child.close();
  }
  for (const record of await sharedAcrossSeeds(plan, ledger.file.rows)) await ledger.add(record);
  return { file: ledger.file, path, stopped: entries.some(({ name }) => !ledger.of(name)) };
}

/** Trains one SAE in a process, and finishes it; without a `record` where it was stopped, and saved, in between. */
async function trainEntry(
  plan: GridPlan,
  entry: Entry,
  child: TrainingProcess,
  onEpoch: (epochsDone: number, loss: number | null) => void,
): Promise<{ record?: SaeRecord; waited: number; contact: FirstContact | undefined }> {
  const { provider, signal, epochsPerRun, start } = plan.run;
  const { threads } = plan.share;
  const { name, config, before } = entry;
  const from = before && progressOf(before);
  const trained = await child.train({
    ...{ config, provider, from, start, threads, epochsPerRun, signal, onEpoch },
    onSnapshot: (progress) => saveCheckpoint(plan, name, checkpointOf(plan, entry, progress)),
  });
  const { contact } = trained;
  const waited = trained.waited / trained.seconds;
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
        const found = await existingMetrics(path, data.info, run.force === true && !this.#saved);
        this.#records = [...(found?.rows ?? []).filter(({ name }) => !this.#own.has(name)), ...this.#own.values()];
        await writeWhole(path, serializeMetrics(this.file));
        this.#saved = true;
      },
      { onWait: run.onNote },
    );
  }
}
