import type { Origin } from "../../checkpoint/origin.ts";
import type { TrainConfig } from "../../config/config.ts";
import { RowSpans } from "../../data/rowSpans.ts";
import { batchesOf } from "../../evaluate/evaluate.ts";
import type { FilesToTrain } from "../../train/process/trainingProcess.node.ts";
import { rowNorms, rowsWithin } from "../../train/rowNorms.ts";
import type { ResidentRows, RowShapes } from "../../train/rows.ts";
import type { Dataset } from "../dataset.node.ts";

/** What a configuration trains on. */
export interface KeptRows {
  readonly shapes: RowShapes;
  /** Training rows that it leaves out: too long. */
  readonly leftOut: number;
  /** What its training process is handed. Rows in memory are all of them: the training itself leaves some out. */
  readonly training: ResidentRows | FilesToTrain;
}

/**
 * What each of some configurations trains on. Where one leaves long rows out, the training rows are read once for their lengths.
 * @throws {ConfigError} when one leaves out all rows.
 */
export async function keptRows(configs: readonly TrainConfig[], data: Dataset): Promise<readonly KeptRows[]> {
  const { trainShapes: shapes, training } = data;
  const all: KeptRows = { shapes, leftOut: 0, training };
  const limits = [...new Set(configs.map(({ maxRowNorm }) => maxRowNorm))].filter((limit) => limit !== "none");
  if (limits.length === 0) return configs.map(() => all);
  const count = shapes.dims[0]!;
  const norms = await trainingNorms(data);
  const byLimit = new Map(
    limits.map((limit): [string, KeptRows] => {
      const kept = rowsWithin(limit, norms);
      if (kept.count === count) return [limit, all];
      const fewer = (dims: readonly number[]) => [kept.count, ...dims.slice(1)];
      return [
        limit,
        {
          shapes: { dims: fewer(shapes.dims), targetDims: shapes.targetDims && fewer(shapes.targetDims) },
          leftOut: count - kept.count,
          training: "shards" in training ? withoutOthers(training, kept) : training,
        },
      ];
    }),
  );
  return configs.map(({ maxRowNorm }) => byLimit.get(maxRowNorm) ?? all);
}

/** The lengths of all training rows. */
async function trainingNorms({ trainShapes, evaluation }: Dataset): Promise<Float64Array> {
  const norms = new Float64Array(trainShapes.dims[0]!);
  let at = 0;
  for await (const batch of batchesOf(evaluation.train, 4096)) {
    norms.set(rowNorms(batch), at);
    at += batch.dims[0]!;
  }
  return norms;
}

/** Where the training rows come from, with how long they are, so that others can be told from them; nothing where their files do not say. */
export async function originOfRows(data: Dataset): Promise<Origin | null> {
  if (data.origin === null) return null;
  const norms = (await trainingNorms(data)).sort();
  const rounded = (norm: number) => Number(norm.toPrecision(6));
  return {
    ...data.origin,
    row_norm_median: rounded(norms[Math.floor((norms.length - 1) / 2)]!),
    row_norm_largest: rounded(norms.at(-1)!),
  };
}

/** Files of which only some of the training rows are read. */
function withoutOthers({ targets, ...files }: FilesToTrain, kept: RowSpans): FilesToTrain {
  const keptOf = (bounds: Float64Array) => new RowSpans(bounds).within(kept).bounds;
  return {
    ...{ ...files, bounds: keptOf(files.bounds) },
    targets: targets && { ...targets, bounds: keptOf(targets.bounds) },
  };
}
