import { type Origin, originInMetadata } from "../checkpoint/origin.ts";
import type { ActivationSet } from "../data/activations.ts";
import type { DataInfo } from "../data/describe.ts";
import { columnOf, describeData } from "../data/describe.ts";
import { RowSpans } from "../data/rowSpans.ts";
import { rowBatches } from "../data/shards/batches.node.ts";
import { shardColumns } from "../data/shards/columns.node.ts";
import { type ShardSet, splitShards } from "../data/shards/shardSet.node.ts";
import { surveyShards } from "../data/shards/survey.node.ts";
import { activeRows } from "../data/shards/truth.node.ts";
import { splitRows, takeRows } from "../data/split.ts";
import { type Truth, truthOfRows } from "../data/truth.ts";
import type { EvaluationData } from "../evaluate/evaluate.ts";
import { mostJudgedRows } from "../evaluate/truth/withTruth.ts";
import type { FilesToTrain } from "../train/process/trainingProcess.node.ts";
import type { ResidentRows, RowShapes } from "../train/rows.ts";
import { ConfigError } from "../util/errors.ts";

/** Activations in memory, or in files that are read by windows. */
export type AnySet = ActivationSet | ShardSet;

/** What training and evaluation need of activations, wherever these are. */
export interface Dataset {
  readonly info: DataInfo;
  readonly layer: number | null;
  readonly position: number | null;
  /** Where the rows come from, where their files say so. */
  readonly origin: Origin | null;
  /** What synthetic activations are made of; `active` is of the first validation rows. */
  readonly truth: Truth | undefined;
  /** Shapes of the training rows. */
  readonly trainShapes: RowShapes;
  readonly training: ResidentRows | FilesToTrain;
  readonly evaluation: EvaluationData;
}

/** Width of the activations. */
export const inputDimOf = (set: AnySet): number => ("shards" in set ? set.inputDim : set.activations.dims[1]!);

/**
 * A set, split into training and validation rows; a set in files is read through once. With `target`, what is to be reconstructed of
 * each row: a set of as many rows, in memory or in files as the first is.
 * @throws {ConfigError} when the split does not fit, a value is NaN or infinite, or the target's rows are not those of the set.
 */
export async function datasetOf(
  set: AnySet,
  trainRows: number | undefined,
  target?: AnySet | undefined,
): Promise<Dataset> {
  if (target !== undefined) checkCount(set, target);
  if ("shards" in set && (target === undefined || "shards" in target)) {
    // One column at a time: each is as long as the set.
    for (const name of target ? matched : [])
      checkColumn(name, [set, await shardColumns(set, [name])], [target!, await shardColumns(target!, [name])]);
    return inFiles(set, trainRows, target);
  }
  if ("shards" in set || (target !== undefined && "shards" in target))
    throw new ConfigError(
      `--target: ${set.source} and ${target!.source} are not read in the same way, one is an archive and the other is larger than memory; save both as .npy or .safetensors`,
    );
  for (const name of target ? matched : []) checkColumn(name, [set, set.columns], [target!, target!.columns]);
  return inMemory(set, trainRows, target);
}

/** How many rows a set has. */
export const rowsOf = (set: AnySet): number => ("shards" in set ? set.rows : set.activations.dims[0]!);

/** @throws {ConfigError} when two sets have not the same number of rows. */
function checkCount(set: AnySet, target: AnySet): void {
  if (rowsOf(set) !== rowsOf(target))
    throw new ConfigError(
      `--target: ${target.source} has ${rowsOf(target)} rows, ${set.source} has ${rowsOf(set)}; both need the same rows in the same order`,
    );
}

/** Columns by which the rows of two sets are known to be the same. */
const matched = ["text_id", "position", "token_id", "split"];

type WithColumns = readonly [set: AnySet, columns: Readonly<Record<string, ArrayLike<number>>>];

/** @throws {ConfigError} when two sets have not the same rows, as far as a column tells that both have. */
function checkColumn(name: string, [set, own]: WithColumns, [target, others]: WithColumns): void {
  const [one, other] = [own[name], others[name]];
  if (!one || !other) return;
  for (let row = 0; row < one.length; row++)
    if (one[row] !== other[row])
      throw new ConfigError(
        `--target: row ${row} of ${target.source} has ${name} ${other[row]}, that of ${set.source} ${one[row]}; both need the same rows in the same order`,
      );
}

async function inMemory(set: ActivationSet, trainRows: number | undefined, target?: ActivationSet): Promise<Dataset> {
  const split = splitRows(set, trainRows);
  const parts = ({ activations }: ActivationSet) => ({
    train: takeRows(activations, split.train),
    validation: takeRows(activations, split.validation),
  });
  const [rows, targets] = [parts(set), target && parts(target)];
  return {
    info: await describeData(set, split, target),
    layer: columnOf(set, "layer"),
    position: columnOf(set, "position"),
    origin: originInMetadata(set.metadata),
    truth: truthOfRows(set.truth, split.validation.subarray(0, mostJudgedRows)),
    trainShapes: { dims: rows.train.dims, targetDims: targets?.train.dims },
    training: { activations: rows.train, targets: targets?.train },
    evaluation: { ...rows, targets },
  };
}

async function inFiles(set: ShardSet, trainRows: number | undefined, target?: ShardSet | undefined): Promise<Dataset> {
  const { shards, inputDim, layer, position, source, metadata } = set;
  const split = splitShards(set, trainRows);
  const { digest, mean } = await surveyShards(set, split, target);
  const inFile = (of: ShardSet, spans: RowSpans) => of.wanted?.within(spans) ?? spans;
  const boundsOf = (of: ShardSet) => inFile(of, split.train).bounds;
  const streamed = (of: ShardSet, spans: RowSpans) => ({
    dims: [spans.count, of.inputDim],
    batches: (batchSize: number) => rowBatches(of.shards, inFile(of, spans), batchSize),
  });
  const splitOf = (of: ShardSet) => ({
    train: streamed(of, split.train),
    validation: streamed(of, split.validation),
  });
  return {
    info: {
      source,
      ...(target ? { target: target.source } : {}),
      digest,
      train_rows: split.train.count,
      validation_rows: split.validation.count,
      input_dim: inputDim,
      synthetic: metadata.synthetic === "true",
    },
    ...{ layer, position, origin: originInMetadata(metadata) },
    truth: await truthOf(set, inFile(set, split.validation)),
    trainShapes: {
      dims: [split.train.count, inputDim],
      targetDims: target && [split.train.count, target.inputDim],
    },
    training: {
      shards,
      bounds: boundsOf(set),
      targets: target && { shards: target.shards, bounds: boundsOf(target) },
    },
    evaluation: { ...splitOf(set), targets: target && splitOf(target), mean },
  };
}

/** The rows are numbered in all shards. */
async function truthOf({ truth, active }: ShardSet, validation: RowSpans): Promise<Truth | undefined> {
  if (!truth || !active) return truth;
  const first = RowSpans.of(...validation.ranges(0, Math.min(validation.count, mostJudgedRows)));
  return { ...truth, active: await activeRows(active, first, truth.features.dims[0]!) };
}
