import type { ActivationSet } from "../data/activations.ts";
import { columnOf, describeData } from "../data/describe.ts";
import type { RowFiles } from "../data/prefetch.node.ts";
import type { RowSpans } from "../data/rowSpans.ts";
import { rowBatches } from "../data/shards/batches.node.ts";
import { type ShardSet, splitShards } from "../data/shards/shardSet.node.ts";
import { surveyShards } from "../data/shards/survey.node.ts";
import { splitRows, takeRows } from "../data/split.ts";
import type { EvaluationData } from "../evaluate/evaluate.ts";
import type { DataInfo } from "../record/record.ts";
import type { HostTensor } from "../util/tensor.ts";

/** Activations in memory, or in files that are read by windows. */
export type AnySet = ActivationSet | ShardSet;

/** What training and evaluation need of activations, wherever these are. */
export interface Dataset {
  readonly info: DataInfo;
  readonly layer: number | null;
  readonly position: number | null;
  readonly trueFeatures: HostTensor<"float32"> | undefined;
  /** `[training rows, inputDim]`. */
  readonly trainDims: readonly number[];
  readonly training: HostTensor<"float32"> | RowFiles;
  readonly evaluation: EvaluationData;
}

/** Width of the activations. */
export const inputDimOf = (set: AnySet): number => ("shards" in set ? set.inputDim : set.activations.dims[1]!);

/**
 * A set, split into training and validation rows; a set in files is read through once.
 * @throws {ConfigError} when the split does not fit, or a value is NaN or infinite.
 */
export const datasetOf = (set: AnySet, trainRows: number | undefined): Promise<Dataset> =>
  "shards" in set ? inFiles(set, trainRows) : inMemory(set, trainRows);

async function inMemory(set: ActivationSet, trainRows: number | undefined): Promise<Dataset> {
  const split = splitRows(set, trainRows);
  const [train, validation] = [split.train, split.validation].map((rows) => takeRows(set.activations, rows)) as [
    HostTensor<"float32">,
    HostTensor<"float32">,
  ];
  return {
    info: await describeData(set, split),
    layer: columnOf(set, "layer"),
    position: columnOf(set, "position"),
    trueFeatures: set.trueFeatures,
    trainDims: train.dims,
    training: train,
    evaluation: { train, validation },
  };
}

async function inFiles(set: ShardSet, trainRows: number | undefined): Promise<Dataset> {
  const { shards, inputDim, layer, position, trueFeatures, source, metadata } = set;
  const split = splitShards(set, trainRows);
  const { digest, mean } = await surveyShards(shards, split);
  const rowsOf = (spans: RowSpans) => ({
    dims: [spans.count, inputDim],
    batches: (batchSize: number) => rowBatches(shards, spans, batchSize),
  });
  return {
    info: {
      source,
      digest,
      train_rows: split.train.count,
      validation_rows: split.validation.count,
      input_dim: inputDim,
      synthetic: metadata.synthetic === "true",
    },
    ...{ layer, position, trueFeatures },
    trainDims: [split.train.count, inputDim],
    training: { shards, bounds: split.train.bounds },
    evaluation: { train: rowsOf(split.train), validation: rowsOf(split.validation), mean },
  };
}
