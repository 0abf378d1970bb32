import { join } from "node:path";
import { type Checkpoint, isFinished, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import type { ActivationSet } from "../data/activations.ts";
import { columnOf, describeData } from "../data/describe.ts";
import { writeWhole } from "../data/files.ts";
import { splitRows, takeRows } from "../data/split.ts";
import { type EvaluationData, evaluate } from "../evaluate/evaluate.ts";
import { withRecovery } from "../evaluate/recovery.ts";
import { writeModel } from "../export/files.ts";
import { freeze } from "../export/freeze.ts";
import { describedKeys } from "../metrics/index.ts";
import type { DataInfo, MetricRow, MetricsFile } from "../metrics/row.ts";
import { serializeMetrics } from "../report/rows.ts";
import { type ProviderName, providers } from "../runtime/providers.ts";
import type { TrainConfig } from "../sae/config.ts";
import { TrainingProcess } from "../train/node.ts";
import type { TrainProgress } from "../train/train.ts";
import { checkTrainingRows } from "../train/trainer.ts";
import { existingCheckpoint, existingRows, readIfThere } from "./existing.ts";
import { metricRow, metricsFile, stemsOf } from "./rows.ts";

/** What to train, on what, and where to. */
export interface GridRun {
  readonly set: ActivationSet;
  /** The first so many rows train; default: the set's `split` column, else the first 80 %. */
  readonly trainRows?: number | undefined;
  readonly configs: readonly TrainConfig[];
  /** Folder of the files. */
  readonly out: string;
  /** First part of the files' names. */
  readonly name: string;
  readonly provider: ProviderName;
  readonly threads?: number | undefined;
  /** Train again what is there already, and replace what another configuration left. */
  readonly force?: boolean;
  /** Once aborted, the SAE in training is saved after its present epoch, and the grid ends. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: GridProgress) => void;
}

/** Where a grid is: SAE `index` of `count`, and how far that one is. */
export interface GridProgress {
  readonly index: number;
  readonly count: number;
  readonly name: string;
  readonly epochsDone: number;
  readonly epochs: number;
  readonly loss: number | null;
  readonly state: "training" | "finished" | "reused";
  /** Share of the whole grid's work that is done, from 0 to 1; an epoch counts by its number of latents. */
  readonly done: number;
  readonly row?: MetricRow;
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
  readonly data: EvaluationData;
  readonly info: DataInfo;
  readonly layer: number | null;
  readonly position: number | null;
}

/**
 * Trains every configuration, freezes and evaluates it, and writes checkpoint, encoder, autoencoder and per-latent
 * numbers; the metrics file `NAME.metrics.json` grows with each. What is finished already is kept, what was
 * interrupted goes on where it stopped. Everything that can be refused is refused before the first file is written.
 * @throws {ConfigError} when rows do not fit, or files of other configurations or data are in the way.
 */
export async function trainGrid(run: GridRun): Promise<{ file: MetricsFile; path: string; stopped: boolean }> {
  const { set, configs, out, force = false } = run;
  const split = splitRows(set, run.trainRows);
  const part = (rows: Uint32Array) => takeRows(set.activations, rows);
  const data = { train: part(split.train), validation: part(split.validation) };
  for (const config of configs) checkTrainingRows(config, data.train);
  const info = await describeData(set, split);
  const shared: Shared = { run, data, info, layer: columnOf(set, "layer"), position: columnOf(set, "position") };

  const path = join(out, `${run.name}.metrics.json`);
  let rows = await existingRows(path, info, force);
  const entries: Entry[] = [];
  const names = stemsOf(run.name, configs);
  for (const [i, config] of configs.entries()) {
    const name = names[i]!;
    const before = force ? undefined : await existingCheckpoint(checkpointPath(run, name), config, info);
    entries.push({ name, config, before });
  }
  const tell = teller(run, entries);
  const save = async () => {
    const file = metricsFile(configs, info, rows);
    await writeWhole(path, serializeMetrics(file));
    return file;
  };

  let file = await save();
  let child: TrainingProcess | undefined;
  try {
    for (const entry of entries) {
      if (run.signal?.aborted) return { file, path, stopped: true };
      const known = rows.find((row) => row.name === entry.name);
      const finished = entry.before && isFinished(entry.before);
      if (!finished) child ??= await TrainingProcess.start(data.train);
      const row = finished
        ? await reuse(shared, entry.name, entry.before, known)
        : await trainOne(shared, entry, child!, (epochsDone, loss) =>
            tell(entry, { epochsDone, loss, state: "training" }),
          );
      if (!row) return { file, path, stopped: true };
      rows = [...rows.filter((one) => one.name !== row.name), row];
      file = await save();
      const state = finished ? "reused" : "finished";
      tell(entry, { epochsDone: entry.config.epochs, loss: row.loss.at(-1) ?? null, row, state });
    }
  } finally {
    child?.close();
  }
  return { file, path, stopped: false };
}

/** Reports how far the whole grid is. */
function teller({ onProgress }: GridRun, entries: readonly Entry[]) {
  const work = entries.map(({ config }) => config.latentDim * config.epochs);
  const total = work.reduce((sum, one) => sum + one, 0);
  type News = Pick<GridProgress, "epochsDone" | "loss" | "state" | "row">;
  return (entry: Entry, news: News): void => {
    const index = entries.indexOf(entry);
    const { latentDim, epochs } = entry.config;
    const before = work.slice(0, index).reduce((sum, one) => sum + one, 0);
    const done = (before + latentDim * news.epochsDone) / total;
    onProgress?.({ index, count: entries.length, name: entry.name, epochs, done, ...news });
  };
}

const checkpointPath = ({ out }: GridRun, name: string): string => join(out, `${name}.safetensors`);
const frozenParts = ["encoder", "autoencoder"] as const;
const frozenPath = ({ out }: GridRun, name: string, part: string): string => join(out, `${name}.${part}.onnx`);

/** The row of an SAE that is finished already; frozen files that are missing are written again. */
async function reuse({ run }: Shared, name: string, checkpoint: Checkpoint, known: MetricRow | undefined) {
  for (const part of frozenParts) {
    const path = frozenPath(run, name, part);
    if (!(await readIfThere(path))) await writeModel(path, freeze(checkpoint, part));
  }
  if (known) return known;
  const { metrics } = checkpoint;
  const splits = Object.fromEntries(
    Object.keys(metrics).map((key) => [key, describedKeys[key]?.split ?? "validation"]),
  );
  return metricRow({ ...checkpoint, name, provider: run.provider, seconds: null }, { metrics, splits });
}

/** Trains, freezes and evaluates one SAE; `null` when it was stopped and saved in between. */
async function trainOne(
  { run, data, info, layer, position }: Shared,
  { name, config, before }: Entry,
  child: TrainingProcess,
  onEpoch: (epochsDone: number, loss: number) => void,
): Promise<MetricRow | null> {
  const { provider, threads, signal } = run;
  const checkpointOf = ({ state: tensors, epochsDone, loss }: TrainProgress): Checkpoint => ({
    ...{ config, tensors, epochsDone, loss, layer, position },
    dataDigest: info.digest,
    metrics: {},
  });
  const save = (checkpoint: Checkpoint) => writeWhole(checkpointPath(run, name), writeCheckpoint(checkpoint));
  const onSnapshot = (progress: TrainProgress) => save(checkpointOf(progress));

  const from = before && { state: before.tensors, epochsDone: before.epochsDone, loss: before.loss };
  const trained = await child.train({ config, provider, from, threads, signal, onEpoch, onSnapshot });
  const unmeasured = checkpointOf(trained);
  if (!isFinished(unmeasured)) {
    await save(unmeasured);
    return null;
  }
  const runtime = await providers[provider].load();
  const model = freeze(unmeasured, "autoencoder");
  const measured = await evaluate(runtime, model, data, { file: name, threads });
  const evaluation = await withRecovery(runtime, model, measured, run.set.trueFeatures, { threads });
  const checkpoint = { ...unmeasured, metrics: evaluation.metrics };
  for (const part of frozenParts) await writeModel(frozenPath(run, name, part), freeze(checkpoint, part));
  await writeWhole(join(run.out, `${name}.latents.json`), latentsJson(evaluation.latents));
  // The checkpoint is last: once it says finished, everything else is there.
  await save(checkpoint);
  return metricRow({ ...checkpoint, name, provider, seconds: trained.seconds }, evaluation);
}

/** Per-latent numbers as JSON, in the seven digits that float32 has. */
const latentsJson = (latents: Readonly<Record<string, Float64Array>>): string =>
  `${JSON.stringify(Object.fromEntries(Object.entries(latents).map(([key, values]) => [key, Array.from(values, (v) => Number(v.toPrecision(7)))])))}\n`;
