import { isFinished } from "../checkpoint/checkpoint.ts";
import { writeWhole } from "../data/files.node.ts";
import { serializeMetrics } from "../record/metricsFile.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { metricsFile } from "../record/trained.ts";
import { rememberedContact } from "../train/process/contactMemory.node.ts";
import type { FirstContact } from "../train/process/firstContact.ts";
import { TrainingProcess } from "../train/process/trainingProcess.node.ts";
import { checkpointOf, finishSae, progressOf, reuse, saveCheckpoint } from "./grid/finish.node.ts";
import { defaultThreads, type Entry, type GridPlan } from "./grid/plan.node.ts";
import { gridTeller, workOf } from "./grid/progress.ts";
import type { GridProgress } from "./grid/request.ts";

/**
 * Trains every SAE of a plan, freezes and evaluates it, and writes checkpoint, encoder, autoencoder with verification vectors, and per-latent
 * numbers; the metrics file `NAME.metrics.json` grows with each. What is finished already is kept, what was interrupted goes on where it
 * stopped. What can be refused was refused by `planGrid`, before the first file is written.
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
      await finish(entry, await reuse(plan, name, before, ledger.of(name)), { state: "reused" });
    else queue.push(entry);
  }
  // The longest first, so that no process is left alone with a long one at the end.
  queue.sort((one, other) => workOf(other.config) - workOf(one.config));
  const children: TrainingProcess[] = [];
  /** One process, that takes one SAE after another until none is left or the grid is stopped. */
  const work = async () => {
    const child = new TrainingProcess();
    // Before anything is awaited: whatever fails, this process is ended too.
    children.push(child);
    await child.hand(plan.data.training, plan);
    while (queue.length > 0 && !run.signal?.aborted) {
      const entry = queue.shift()!;
      const trained = await trainEntry(plan, entry, child, (epochsDone, loss) =>
        tell(entry, { epochsDone, loss, state: "training" }),
      );
      if (trained.contact) ledger.contact = trained.contact;
      if (trained.record) await finish(entry, trained.record, { state: "finished", waited: trained.waited });
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(plan.jobs, queue.length) }, work));
  } finally {
    for (const child of children) child.close();
  }
  return { file: ledger.file, path, stopped: entries.some(({ name }) => !ledger.of(name)) };
}

/** Trains one SAE in a process, and finishes it; without a `record` where it was stopped, and saved, in between. */
async function trainEntry(
  plan: GridPlan,
  entry: Entry,
  child: TrainingProcess,
  onEpoch: (epochsDone: number, loss: number | null) => void,
): Promise<{ record?: SaeRecord; waited: number; contact: FirstContact | undefined }> {
  const { provider, signal, threads = defaultThreads, epochsPerRun, start } = plan.run;
  const { name, config, before } = entry;
  const from = before && progressOf(before);
  const trained = await child.train({
    ...{ config, provider, from, start, threads, epochsPerRun, signal, onEpoch },
    onSnapshot: (progress) => saveCheckpoint(plan, name, checkpointOf(plan, config, progress)),
  });
  const { contact } = trained;
  const waited = trained.waited / trained.seconds;
  if (trained.epochsDone >= config.epochs) return { record: await finishSae(plan, entry, trained), waited, contact };
  await saveCheckpoint(plan, name, checkpointOf(plan, config, trained));
  return { waited, contact };
}

/** The metrics file of a grid while it grows. */
class Ledger {
  /** How the GPU's first training compared with the CPU's. */
  contact: FirstContact | undefined;
  readonly #plan: GridPlan;
  #records: readonly SaeRecord[];
  #saving = Promise.resolve();

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
    this.#records = [...this.#records.filter(({ name }) => name !== record.name), record];
    return this.save();
  }

  /** Records of earlier grids first, then this one's in its order. */
  get file(): MetricsFile {
    const { entries, data } = this.#plan;
    const names = entries.map(({ name }) => name);
    const others = this.#records.filter(({ name }) => !names.includes(name));
    const own = names.flatMap((name) => this.of(name) ?? []);
    const configs = entries.map(({ config }) => config);
    const file = metricsFile(configs, data.info, [...others, ...own]);
    return this.contact ? { ...file, config: { ...file.config, first_contact: this.contact } } : file;
  }

  /** Writes the file as it is now; one writing at a time, in order. */
  save(): Promise<void> {
    const text = serializeMetrics(this.file);
    this.#saving = this.#saving.then(() => writeWhole(this.#plan.path, text));
    return this.#saving;
  }
}
