import { checkFiniteRows } from "../data/finite.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";
import type { Accumulator } from "./accumulate.ts";
import { type Conclusion, conclude, noTotals } from "./conclude.ts";
import { evaluatorOf } from "./frozen.ts";

/** Rows `[rows, inputDim]` that are not in memory at once. */
export interface StreamedRows {
  readonly dims: readonly number[];
  /** All rows in order, `batchSize` at a time and the rest at the end; a batch is good until the next but one is asked for. */
  readonly batches: (batchSize: number) => AsyncIterable<HostTensor<"float32">>;
}

type AnyRows = HostTensor<"float32"> | StreamedRows;

/** Training and validation rows; either may have none. */
interface Splits<R extends AnyRows> {
  readonly train: R;
  readonly validation: R;
}

/** The rows to evaluate on. */
export interface EvaluationData<R extends AnyRows = AnyRows> extends Splits<R> {
  /** What a transcoder is to reconstruct of each of these rows, `[rows, outputDim]`. */
  readonly targets?: Splits<R> | undefined;
  /** The mean of all rows to reconstruct, `[outputDim]`, where it is known already. */
  readonly mean?: HostTensor<"float32">;
}

/** Rows that are all in memory. */
export type ResidentData = EvaluationData<HostTensor<"float32">>;

/** How an evaluation runs; none of it changes the numbers beyond float rounding. */
export interface EvaluateOptions {
  /** Name of the model in errors. */
  readonly file?: string;
  /** Rows per run; default 1,024. */
  readonly batchSize?: number;
  readonly threads?: number | undefined;
}

/** What was measured, and on what. */
export interface Evaluation extends Conclusion {
  readonly inputDim: number;
  readonly latentDim: number;
  /** A transcoder's. */
  readonly outputDim: number | undefined;
  readonly k: number | undefined;
  /** The model's own metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Measures a frozen autoencoder or evaluator on activations, with every metric of the table.
 * @throws {ConfigError} when the model is neither, or takes another width.
 */
export async function evaluate(
  runtime: Runtime,
  model: Model,
  data: EvaluationData,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { file = "model", batchSize = 1024, threads } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`evaluate: batchSize must be an integer of at least 1, got ${batchSize}`);
  const evaluator = evaluatorOf(model, file, { largestBy: runtime.provider === "cuda" ? "topK" : "reduceMax" });
  const width = evaluator.inputDim;
  for (const { dims } of [data.validation, data.train])
    if (dims[1] !== width)
      throw new ConfigError(
        `${file}: takes activations ${width} wide, the data are ${dims[1]} wide; is it the model of another layer?`,
      );
  const { outputDim } = evaluator;
  if (outputDim !== undefined && !data.targets)
    throw new ConfigError(
      `${file}: is a transcoder to rows ${outputDim} wide, and there are no targets to compare with; sae-onnx eval takes them with --target`,
    );
  const targets = outputDim === undefined ? undefined : data.targets!;
  for (const part of ["train", "validation"] as const)
    if (targets && targets[part].dims.join() !== [data[part].dims[0], outputDim].join())
      throw new ConfigError(
        `${file}: reconstructs rows ${outputDim} wide, the targets are [${targets[part].dims.join(", ")}] for ${data[part].dims[0]} activations; is it the model of another layer?`,
      );
  for (const part of ["train", "validation"] as const)
    for (const rows of [data[part], ...(targets ? [targets[part]] : [])])
      if ("data" in rows) checkFiniteRows(rows, `${part} rows`);
  const { train, validation } = targets ?? data;
  const shift = data.mean ?? (await meanRow([train, validation], outputDim ?? width));
  const totals = noTotals(evaluator.table);
  /** In a session of its own, that computes no more than is added up: no reconstruction for the training rows. */
  const addRows = async (split: "train" | "validation", into: readonly Accumulator[]) => {
    const rows = data[split];
    const sums = into.flatMap(({ sums }) => sums);
    if (rows.dims[0] === 0 || sums.length === 0) return;
    const wanted = onlyOutputs(evaluator.model, sums);
    const session = await runtime.open(packModel(wanted), { threads });
    try {
      const beside = targets && batchesOf(targets[split], batchSize);
      for await (const activations of batchesOf(rows, batchSize)) {
        const more = beside && { targets: (await beside.next()).value! };
        const outputs = await session.run({ activations, ...more, shift });
        for (const one of into) one.add(outputs, activations.dims[0]!);
      }
    } finally {
      await session.release();
    }
  };
  const pass = async ({ validation, all }: typeof totals) => {
    await addRows("validation", [validation, all]);
    await addRows("train", [all]);
  };
  await pass(totals);
  await pass({ validation: totals.validation.secondPass(), all: totals.all.secondPass() });
  const { inputDim, latentDim, k, metadata } = evaluator;
  const measured = { outputDim: outputDim ?? inputDim, latentDim, shift: Float64Array.from(shift.data) };
  return { inputDim, latentDim, outputDim, k, metadata, ...conclude(measured, totals) };
}

/** Rows in batches, wherever they are. */
async function* batchesOf(rows: AnyRows, batchSize: number): AsyncGenerator<HostTensor<"float32">> {
  if ("batches" in rows) yield* rows.batches(batchSize);
  else
    for (let from = 0; from < rows.dims[0]!; from += batchSize)
      yield sliceRows(rows, from, Math.min(from + batchSize, rows.dims[0]!));
}

/** The mean of all rows, summed in float64. */
async function meanRow(parts: readonly AnyRows[], width: number): Promise<HostTensor<"float32">> {
  const sums = new Float64Array(width);
  let rows = 0;
  for (const part of parts)
    for await (const { data, dims } of batchesOf(part, 4096)) {
      rows += dims[0]!;
      for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]!;
    }
  return tensor(
    "float32",
    [width],
    Float32Array.from(sums, (sum) => sum / Math.max(rows, 1)),
  );
}
