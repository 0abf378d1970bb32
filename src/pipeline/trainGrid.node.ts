import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Checkpoint, isFinished, type Weights, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { writeTrainingState } from "../checkpoint/trainingState.ts";
import { fittedTo, type TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import { writeWhole } from "../data/files.node.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { withRecovery } from "../evaluate/recovery.ts";
import { vectorsPath, writeFrozen } from "../export/files.node.ts";
import { freeze, type Part } from "../export/freeze.ts";
import { freezeWithVectors } from "../export/vectors/vectors.ts";
import { describedKeys } from "../metrics/index.ts";
import { serializeMetrics } from "../record/metricsFile.ts";
import { stemsOf } from "../record/names.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { metricsFile, trainedRecord } from "../record/trained.ts";
import { type ProviderName, providers, usableRuntime } from "../runtime/providers.node.ts";
import { keptPerRow } from "../sae/spec.ts";
import { finishedTensors } from "../train/finished.ts";
import { rememberedContact, tf32Here } from "../train/process/contactMemory.node.ts";
import type { FirstContact } from "../train/process/firstContact.ts";
import { TrainingProcess } from "../train/process/trainingProcess.node.ts";
import { checkTrainingRows } from "../train/rows.ts";
import { endsRun } from "../train/runs/divide.ts";
import type { TrainProgress } from "../train/train.ts";
import { type AnySet, type Dataset, datasetOf } from "./dataset.node.ts";
import { existingCheckpoint, existingRows, readIfThere, statePath } from "./existing.node.ts";
import { defaultMemory, withinMemory } from "./memory.ts";
import { checkStep } from "./providerStep.ts";

/** Threads inside an op, unless told otherwise. */
const defaultThreads = 1;

/** What to train, on what, and where to. */
export interface GridRun {
  readonly set: AnySet;
  /** The first so many rows train; default: the set's `split` column, else the first 80 %. */
  readonly trainRows?: number | undefined;
  readonly configs: readonly TrainConfig[];
  /** What is to be reconstructed of each row of `set`; default: the row itself. */
  readonly target?: AnySet | undefined;
  /** The weights every training starts from, by parameter; the configurations' `initFrom` names them. Default: drawn from the seed. */
  readonly start?: Weights | undefined;
  /** Whether a finished SAE's training state is kept beside it, to go on from; default true. */
  readonly keepState?: boolean | undefined;
  /** Folder of the files. */
  readonly out: string;
  /** First part of the files' names. */
  readonly name: string;
  readonly provider: ProviderName;
  /** Threads inside an op; default 1. They can change the last digits. */
  readonly threads?: number | undefined;
  /** Epochs in one run, which cannot be interrupted; the result does not depend on it. Default: as `train` has it; step `live` has runs of its own. */
  readonly epochsPerRun?: number | undefined;
  /** SAEs trained side by side, each in a process of its own; the result does not depend on it. */
  readonly jobs?: number | undefined;
  /** Bytes of memory that a set in files is trained within; default 2 GB. The result does not depend on it. */
  readonly memory?: number | undefined;
  /** Train again what is there already, and replace what another configuration left. */
  readonly force?: boolean;
  /** Once aborted, the SAE in training is saved after its present run, and the grid ends. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: GridProgress) => void;
  /** Called with what the user should know, one sentence each. */
  readonly onNote?: (text: string) => void;
}

/** News of one SAE of a grid, and where the whole grid is. */
export interface GridProgress {
  readonly name: string;
  /** In the middle of an epoch with a fraction. */
  readonly epochsDone: number;
  readonly epochs: number;
  readonly loss: number | null;
  readonly state: "training" | "finished" | "reused";
  /** SAEs finished or reused so far, this one included, of `count`. */
  readonly finished: number;
  readonly count: number;
  /** Share of the whole grid's work that is done, from 0 to 1. */
  readonly done: number;
  readonly row?: SaeRecord;
  /** Share of the training's time that it waited for rows; only of one that ends now. */
  readonly waited?: number;
}

/** One SAE of a grid: its files' names, and what is there of it from before. */
interface Entry {
  readonly name: string;
  readonly config: TrainConfig;
  readonly before: Checkpoint | undefined;
}

/** What the SAEs of a grid share. */
interface Shared {
  readonly run: GridRun;
  readonly data: Dataset;
}

/**
 * Trains every configuration, freezes and evaluates it, and writes checkpoint, encoder, autoencoder with verification vectors, and per-latent
 * numbers; the metrics file `NAME.metrics.json` grows with each. What is finished already is kept, what was
 * interrupted goes on where it stopped. Everything that can be refused is refused before the first file is written.
 * @throws {ConfigError} when rows do not fit, or files of other configurations or data are in the way.
 */
export async function trainGrid(run: GridRun): Promise<{ file: MetricsFile; path: string; stopped: boolean }> {
  const { out, force = false, provider } = run;
  for (const { step } of run.configs) checkStep(provider, step);
  await usableRuntime(provider);
  const data = await datasetOf(run.set, run.trainRows, run.target);
  const rowCount = data.trainShapes.dims[0]!;
  const configs = run.configs.map((config) => fittedTo(config, rowCount));
  for (const config of configs) checkTrainingRows(config, data.trainShapes);
  const { info } = data;
  const jobs = jobsOf(run);
  const plan =
    "shards" in run.set
      ? withinMemory(configs, data.trainShapes.dims, { memory: run.memory ?? defaultMemory, jobs })
      : { jobs, ahead: true };
  const shared: Shared = { run, data };

  const path = join(out, `${run.name}.metrics.json`);
  let rows = await existingRows(path, info, force);
  const entries: Entry[] = [];
  const names = stemsOf(run.name, configs);
  for (const [i, config] of configs.entries()) {
    const name = names[i]!;
    const before = force ? undefined : await existingCheckpoint(checkpointPath(run, name), config, info);
    entries.push({ name, config, before });
    if (before && before.epochsDone > 0 && !endsRun(config, rowCount, before.epochsDone))
      run.onNote?.(
        `${name}: goes on after epoch ${before.epochsDone}, where ${config.epochs} epochs at once would be in the middle of a run; the last digits may differ from those`,
      );
  }
  const tell = teller(run, entries);
  let saving = Promise.resolve();
  let contact = provider === "cuda" ? rememberedContact(provider) : undefined;
  const fileNow = () => withContact(metricsFile(configs, info, inGridOrder(rows, names)), contact);
  const save = () => {
    const text = serializeMetrics(fileNow());
    saving = saving.then(() => writeWhole(path, text));
    return saving;
  };
  const finish = async (entry: Entry, row: SaeRecord, state: "finished" | "reused", waited?: number) => {
    rows = [...rows.filter((one) => one.name !== row.name), row];
    await save();
    tell(entry, {
      epochsDone: entry.config.epochs,
      loss: row.loss.at(-1) ?? null,
      row,
      state,
      ...(waited === undefined ? {} : { waited }),
    });
  };

  await save();
  const queue: Entry[] = [];
  for (const entry of entries) {
    const known = rows.find((row) => row.name === entry.name);
    if (entry.before && isFinished(entry.before))
      await finish(entry, await reuse(shared, entry.name, entry.before, known), "reused");
    else queue.push(entry);
  }
  // The longest first, so that no process is left alone with a long one at the end.
  queue.sort((one, other) => workOf(other.config) - workOf(one.config));
  const children: TrainingProcess[] = [];
  /** One process, that takes one SAE after another until none is left or the grid is stopped. */
  const work = async () => {
    const child = await TrainingProcess.start(data.training, plan);
    children.push(child);
    while (queue.length > 0 && !run.signal?.aborted) {
      const entry = queue.shift()!;
      const onEpoch = (epochsDone: number, loss: number | null) => tell(entry, { epochsDone, loss, state: "training" });
      const trained = await trainOne(shared, entry, child, onEpoch, (one) => {
        contact = one;
      });
      if (trained) await finish(entry, trained.row, "finished", trained.waited);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(plan.jobs, queue.length) }, work));
  } finally {
    for (const child of children) child.close();
  }
  return { file: fileNow(), path, stopped: names.some((name) => !rows.some((row) => row.name === name)) };
}

/** A metrics file that also says how the GPU's first training compared with the CPU's. */
const withContact = (file: MetricsFile, contact: FirstContact | undefined): MetricsFile =>
  contact ? { ...file, config: { ...file.config, first_contact: contact } } : file;

/** Rows of earlier grids first, then this one's in its order. */
const inGridOrder = (rows: readonly SaeRecord[], names: readonly string[]): SaeRecord[] => [
  ...rows.filter(({ name }) => !names.includes(name)),
  ...names.flatMap((name) => rows.filter((row) => row.name === name)),
];

/**
 * How many processes train side by side. Several SAEs of one thread each are quicker than one after another on all cores:
 * most ops of a step are too small to share. And as the number of threads can change the last digits, it is the same
 * whatever the grid and the machine. Default: as many processes as there are cores for, four at most.
 */
const jobsOf = ({ jobs, threads = defaultThreads, configs }: GridRun): number =>
  Math.min(jobs ?? Math.min(4, Math.max(1, Math.floor(availableParallelism() / threads))), configs.length);

/** How long an SAE takes beside others, roughly: up to three times as long where batches use every latent as where they use few. */
const workOf = (config: TrainConfig): number =>
  config.latentDim * config.epochs * (config.step === "live" ? Math.min(3, 1 + keptPerRow(config)! / 50) : 3);

/** Reports how far the whole grid is. */
function teller({ onProgress }: GridRun, entries: readonly Entry[]) {
  const total = entries.reduce((sum, { config }) => sum + workOf(config), 0);
  const shares = new Map(entries.map((entry) => [entry, 0]));
  let finished = 0;
  type News = Pick<GridProgress, "epochsDone" | "loss" | "state" | "row" | "waited">;
  return (entry: Entry, news: News): void => {
    const { epochs } = entry.config;
    shares.set(entry, (workOf(entry.config) * news.epochsDone) / epochs / total);
    if (news.state !== "training") finished++;
    const done = [...shares.values()].reduce((sum, share) => sum + share, 0);
    onProgress?.({ finished, count: entries.length, name: entry.name, epochs, done, ...news });
  };
}

const checkpointPath = ({ out }: GridRun, name: string): string => join(out, `${name}.safetensors`);
const frozenParts = ["encoder", "autoencoder"] as const;
const frozenPath = ({ out }: GridRun, name: string, part: string): string => join(out, `${name}.${part}.onnx`);

async function writeParts(run: GridRun, name: string, checkpoint: Checkpoint, parts: readonly Part[]): Promise<void> {
  for (const [part, frozen] of await freezeWithVectors(checkpoint, parts))
    await writeFrozen(frozenPath(run, name, part), frozen);
}

/** The row of an SAE that is finished already; frozen files that are missing are written again. */
async function reuse({ run }: Shared, name: string, checkpoint: Checkpoint, known: SaeRecord | undefined) {
  const missing: Part[] = [];
  for (const part of frozenParts) {
    const path = frozenPath(run, name, part);
    if (!(await readIfThere(path)) || !(await readIfThere(vectorsPath(path)))) missing.push(part);
  }
  if (missing.length > 0) await writeParts(run, name, checkpoint, missing);
  if (known) return { ...known, config: configToJson(checkpoint.config) };
  const { metrics } = checkpoint;
  const splits = Object.fromEntries(
    Object.keys(metrics).map((key) => [key, describedKeys[key]?.split ?? "validation"]),
  );
  return trainedRecord({ ...checkpoint, name, provider: run.provider, seconds: null }, { metrics, splits });
}

/** Trains, freezes and evaluates one SAE; `null` when it was stopped and saved in between. */
async function trainOne(
  { run, data }: Shared,
  { name, config, before }: Entry,
  child: TrainingProcess,
  onEpoch: (epochsDone: number, loss: number | null) => void,
  onContact: (contact: FirstContact) => void,
): Promise<{ row: SaeRecord; waited: number } | null> {
  const { provider, signal, threads = defaultThreads, epochsPerRun } = run;
  const { info, layer, position } = data;
  const tf32 = provider === "cuda" ? tf32Here() : undefined;
  const checkpointOf = ({ state: tensors, epochsDone, loss }: TrainProgress): Checkpoint => ({
    ...{ config, tensors, epochsDone, loss, layer, position, tf32 },
    dataDigest: info.digest,
    metrics: {},
  });
  const save = (checkpoint: Checkpoint) => writeWhole(checkpointPath(run, name), writeCheckpoint(checkpoint));
  const onSnapshot = (progress: TrainProgress) => save(checkpointOf(progress));

  const { start, keepState = true } = run;
  const from = before && { state: before.tensors, epochsDone: before.epochsDone, loss: before.loss };
  const how = { config, provider, from, start, threads, epochsPerRun, signal, onEpoch, onSnapshot };
  const trained = await child.train(how);
  if (trained.contact) onContact(trained.contact);
  const ended = checkpointOf(trained);
  if (!isFinished(ended)) {
    await save(ended);
    return null;
  }
  const unmeasured: Checkpoint = { ...ended, tensors: finishedTensors(config, trained.state) };
  const runtime = await providers[provider].load();
  const model = freeze(unmeasured, "autoencoder");
  const measured = await evaluate(runtime, model, data.evaluation, { file: name, threads });
  const evaluation = await withRecovery(runtime, model, measured, data.trueFeatures, { threads });
  const checkpoint = { ...unmeasured, metrics: evaluation.metrics };
  await writeParts(run, name, checkpoint, frozenParts);
  await writeWhole(join(run.out, `${name}.latents.json`), latentsJson(evaluation.latents));
  const statesAt = statePath(checkpointPath(run, name));
  if (keepState) await writeWhole(statesAt, writeTrainingState(checkpoint, trained.state));
  else await rm(statesAt, { force: true });
  // The checkpoint is last: once it says finished, everything else is there.
  await save(checkpoint);
  const row = trainedRecord({ ...checkpoint, name, provider, seconds: trained.seconds }, evaluation);
  return { row, waited: trained.waited / trained.seconds };
}

/** Per-latent numbers as JSON, in the seven digits that float32 has. */
const latentsJson = (latents: Readonly<Record<string, Float64Array>>): string =>
  `${JSON.stringify(Object.fromEntries(Object.entries(latents).map(([key, values]) => [key, Array.from(values, (v) => Number(v.toPrecision(7)))])))}\n`;
