import { checkFiniteRows } from "../data/finite.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import type { Runtime, Tensors } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";
import { Accumulator } from "./accumulate.ts";
import { type Conclusion, conclude } from "./conclude.ts";
import { evaluatorOf } from "./frozen.ts";
import { RowTotals } from "./rowTotals.ts";

/** Rows `[rows, inputDim]` that are not in memory at once. */
export interface StreamedRows {
  readonly dims: readonly number[];
  /** All rows in order, `batchSize` at a time and the rest at the end; a batch is good until the next but one is asked for. */
  readonly batches: (batchSize: number) => AsyncIterable<HostTensor<"float32">>;
}

type Matrix = HostTensor<"float32">;
export type AnyRows = Matrix | StreamedRows;

/** Training and validation rows; either may have none. */
interface Splits<R extends AnyRows> {
  readonly train: R;
  readonly validation: R;
}

/** The rows to evaluate on. */
export interface EvaluationData<R extends AnyRows = AnyRows> extends Splits<R> {
  /** What a transcoder is to reconstruct of each of these rows, `[rows, outputDim]`. */
  readonly targets?: Splits<R> | undefined;
  /** The mean of the validation rows to reconstruct, `[outputDim]`, where it is known already. */
  readonly mean?: Float64Array;
}

/** Rows that are all in memory. */
export type ResidentData = EvaluationData<HostTensor<"float32">>;

/** How an evaluation runs; none of it changes the numbers beyond the rounding of the model's own. */
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
  const rebuilt = targets?.validation ?? data.validation;
  const mean = data.mean ?? (await meanRow(rebuilt, outputDim ?? width));
  const validation = new RowTotals(mean, rebuilt.dims[0]!);
  const all = Accumulator.of(evaluator.table);
  /** In a session of its own, that computes no more than is asked for: no reconstruction for the training rows. */
  const pass = async (
    split: "train" | "validation",
    wanted: readonly string[],
    each: (outputs: Tensors, ran: { rows: number; times: number; target: Matrix }) => void,
  ) => {
    if (data[split].dims[0] === 0) return;
    const session = await runtime.open(packModel(onlyOutputs(evaluator.model, wanted)), { threads });
    try {
      const beside = targets && batchesOf(targets[split], batchSize);
      for await (const batch of batchesOf(data[split], batchSize)) {
        const rows = batch.dims[0]!;
        const activations = rows === 1 ? twice(batch) : batch;
        const outputs = await session.run({ activations });
        each(outputs, {
          rows,
          times: activations.dims[0]! / rows,
          target: beside ? (await beside.next()).value! : batch,
        });
      }
    } finally {
      await session.release();
    }
  };
  const { active } = evaluator;
  const activeIn = (outputs: Tensors, rows: number) => sliceRows(outputs[active] as Matrix, 0, rows);
  await pass("validation", [...all.sums, active, "reconstruction"], (outputs, { rows, times, target }) => {
    all.add(outputs, rows, times);
    validation.add({ target, xHat: outputs.reconstruction as Matrix, active: activeIn(outputs, rows) });
  });
  await pass("train", all.sums, (outputs, { rows, times }) => all.add(outputs, rows, times));
  if (validation.again())
    await pass("validation", [active], (outputs, { rows }) => validation.addAgain(activeIn(outputs, rows)));
  const { inputDim, latentDim, k, metadata } = evaluator;
  return { inputDim, latentDim, outputDim, k, metadata, ...conclude(latentDim, { all, validation }) };
}

/**
 * One row as two equal ones: ONNX Runtime's CPU multiplies a single row by another kernel than several, with other last bits.
 * Several rows give the same bits however many they are.
 */
export function twice({ data }: Matrix): Matrix {
  const both = new Float32Array(2 * data.length);
  both.set(data);
  both.set(data, data.length);
  return tensor("float32", [2, data.length], both);
}

/** Rows in batches, wherever they are. */
export async function* batchesOf(rows: AnyRows, batchSize: number): AsyncGenerator<HostTensor<"float32">> {
  if ("batches" in rows) yield* rows.batches(batchSize);
  else
    for (let from = 0; from < rows.dims[0]!; from += batchSize)
      yield sliceRows(rows, from, Math.min(from + batchSize, rows.dims[0]!));
}

/** The mean of rows, in float64: exactly the row that all of them are, where they are equal. */
export async function meanRow(rows: AnyRows, width: number): Promise<Float64Array> {
  const sums = new Float64Array(width);
  for await (const { data } of batchesOf(rows, 4096))
    for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]!;
  return sums.map((sum) => sum / Math.max(rows.dims[0]!, 1));
}
