import { join } from "node:path";
import { type Checkpoint, isFinished, readCheckpoint, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import type { ActivationSet } from "../data/activations.ts";
import { columnOf, describeData } from "../data/describe.ts";
import { readBytes, writeWhole } from "../data/files.ts";
import { splitRows, takeRows } from "../data/split.ts";
import { type EvaluationData, evaluate } from "../evaluate/evaluate.ts";
import { writeModel } from "../export/files.ts";
import { freeze } from "../export/freeze.ts";
import { metricKeys } from "../metrics/index.ts";
import type { DataInfo, MetricRow, MetricsFile } from "../metrics/row.ts";
import { parseMetrics, serializeMetrics } from "../report/rows.ts";
import { type ProviderName, providers } from "../runtime/providers.ts";
import { configToJson, type TrainConfig } from "../sae/config.ts";
import { TrainingProcess } from "../train/node.ts";
import type { TrainProgress } from "../train/train.ts";
import { checkTrainingRows } from "../train/trainer.ts";
import { ConfigError } from "../util/errors.ts";
import { metricRow, metricsFile, stemOf } from "./rows.ts";

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
  readonly row?: MetricRow;
}

/** One SAE of a grid: its files, and what is there of it from before. */
interface Entry {
  readonly name: string;
  readonly config: TrainConfig;
  readonly before: Checkpoint | undefined;
}

/**
 * Trains every configuration, freezes and evaluates it, and writes checkpoint, encoder, autoencoder and per-latent
 * numbers; the metrics file `NAME.metrics.json` grows with each. What is finished already is kept, what was
 * interrupted goes on where it stopped. Everything that can be refused is refused before the first file is written.
 * @throws {ConfigError} when rows do not fit, or files of other configurations or data are in the way.
 */
export async function trainGrid(run: GridRun): Promise<{ file: MetricsFile; path: string; stopped: boolean }> {
  const { set, configs, out, name, signal } = run;
  const split = splitRows(set, run.trainRows);
  const data: EvaluationData = { train: takeRows(set.activations, split.train), validation: takeRows(set.activations, split.validation) };
  for (const config of configs) checkTrainingRows(config, data.train);
  const info = await describeData(set, split);
  const path = join(out, `${name}.metrics.json`);
  const earlier = await earlierRows(path, info, run.force ?? false);
  const entries: Entry[] = [];
  for (const config of configs) entries.push(await entryOf(run, config, info));

  let rows = earlier;
  const save = async () => {
    const file = metricsFile(configs, info, rows);
    await writeWhole(path, serializeMetrics(file));
    return file;
  };
  let file = await save();
  let child: TrainingProcess | undefined;
  try {
    for (const [index, entry] of entries.entries()) {
      const place = { index, count: entries.length, name: entry.name, epochs: entry.config.epochs };
      const known = earlier.find((row) => row.name === entry.name);
      let row: MetricRow | null;
      if (entry.before && isFinished(entry.before)) row = await reuse(run, entry.before, entry.name, known);
      else {
        child ??= await TrainingProcess.start(data.train);
        row = await trainOne(run, entry, child, data, info, place);
      }
      if (!row) return { file, path, stopped: true };
      rows = [...rows.filter((one) => one.name !== row.name), row];
      file = await save();
      run.onProgress?.({ ...place, epochsDone: place.epochs, loss: row.loss.at(-1) ?? null, row, state: entry.before && isFinished(entry.before) ? "reused" : "finished" });
      if (signal?.aborted && index + 1 < entries.length) return { file, path, stopped: true };
    }
  } finally {
    child?.close();
  }
  return { file, path, stopped: false };
}

const checkpointPath = ({ out }: GridRun, name: string): string => join(out, `${name}.safetensors`);

/** What is there of an SAE; nothing with `force`. @throws {ConfigError} when it is of another configuration or other data. */
async function entryOf(run: GridRun, config: TrainConfig, { digest }: DataInfo): Promise<Entry> {
  const name = stemOf(run.name, config);
  const path = checkpointPath(run, name);
  const bytes = run.force ? undefined : await readIfThere(path);
  if (!bytes) return { name, config, before: undefined };
  const before = readCheckpoint(bytes, path);
  const [old, wanted] = [configToJson(before.config), configToJson(config)];
  const different = Object.keys(wanted).find((key) => old[key] !== wanted[key]);
  if (different)
    throw new ConfigError(`${path}: was trained with ${different} = ${old[different]}, now asked for ${wanted[different]}; use --force to replace it, or another --name or --out`);
  if (before.dataDigest !== digest)
    throw new ConfigError(`${path}: was trained on other data or another split; use --force to replace it, or another --name or --out`);
  return { name, config, before };
}

/** The rows of an earlier metrics file. @throws {ConfigError} when they were measured on other data, unless `force` drops them. */
async function earlierRows(path: string, { digest }: DataInfo, force: boolean): Promise<readonly MetricRow[]> {
  const bytes = await readIfThere(path);
  if (!bytes) return [];
  let file: MetricsFile;
  try {
    file = parseMetrics(new TextDecoder().decode(bytes), path);
  } catch (error) {
    if (force) return [];
    throw error;
  }
  if (file.data.digest === digest) return file.rows;
  if (force) return [];
  throw new ConfigError(`${path}: holds metrics of other data or another split; use --force to replace it, or another --name or --out`);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return readBytes(path).catch((error) => {
    if ((error.cause as { code?: string } | undefined)?.code === "ENOENT") return undefined;
    throw error;
  });
}

/** The row of an SAE that is finished already; frozen files that are missing are written again. */
async function reuse(run: GridRun, checkpoint: Checkpoint, name: string, known: MetricRow | undefined): Promise<MetricRow> {
  for (const part of ["encoder", "autoencoder"] as const) {
    const path = join(run.out, `${name}.${part}.onnx`);
    if (!(await readIfThere(path))) await writeModel(path, freeze(checkpoint, part));
  }
  const { config, layer, position, loss, metrics } = checkpoint;
  const source = { name, config, provider: run.provider, layer, position, seconds: null, loss };
  const splits = Object.fromEntries(Object.keys(metrics).map((key) => [key, metricKeys[key]?.split ?? ""]));
  return known ?? metricRow(source, { metrics, splits });
}

/** Trains, freezes and evaluates one SAE; `null` when it was stopped and saved in between. */
async function trainOne(
  run: GridRun,
  { name, config, before }: Entry,
  child: TrainingProcess,
  data: EvaluationData,
  { digest }: DataInfo,
  place: Pick<GridProgress, "index" | "count" | "name" | "epochs">,
): Promise<MetricRow | null> {
  const [layer, position] = [columnOf(run.set, "layer"), columnOf(run.set, "position")];
  const checkpointOf = ({ state, epochsDone, loss }: TrainProgress): Checkpoint => ({
    config, tensors: state, epochsDone, loss, dataDigest: digest, layer, position, metrics: {},
  });
  const save = (checkpoint: Checkpoint) => writeWhole(checkpointPath(run, name), writeCheckpoint(checkpoint));

  const from = before && { state: before.tensors, epochsDone: before.epochsDone, loss: before.loss };
  const trained = await child.train({
    config,
    provider: run.provider,
    from,
    threads: run.threads,
    signal: run.signal,
    onEpoch: (epochsDone, loss) => run.onProgress?.({ ...place, epochsDone, loss, state: "training" }),
    onSnapshot: (progress) => save(checkpointOf(progress)),
  });
  if (trained.epochsDone < config.epochs) {
    await save(checkpointOf(trained));
    return null;
  }
  const unmeasured = checkpointOf(trained);
  const runtime = await providers[run.provider].load();
  const evaluation = await evaluate(runtime, freeze(unmeasured, "autoencoder"), data, { file: name, threads: run.threads });
  const checkpoint = { ...unmeasured, metrics: evaluation.metrics };
  for (const part of ["encoder", "autoencoder"] as const) await writeModel(join(run.out, `${name}.${part}.onnx`), freeze(checkpoint, part));
  const perLatent = Object.fromEntries(Object.entries(evaluation.latents).map(([key, values]) => [key, Array.from(values, (v) => Number(v.toPrecision(7)))]));
  await writeWhole(join(run.out, `${name}.latents.json`), `${JSON.stringify(perLatent)}\n`);
  // The checkpoint is last: once it says finished, everything else is there.
  await save(checkpoint);
  const source = { name, config, provider: run.provider, layer, position, seconds: trained.seconds, loss: trained.loss };
  return metricRow(source, evaluation);
}
