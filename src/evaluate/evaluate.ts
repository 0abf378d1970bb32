import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";
import type { Accumulator } from "./accumulate.ts";
import { type Conclusion, conclude, noTotals } from "./conclude.ts";
import { evaluatorOf } from "./frozen.ts";

/** The rows to evaluate on; either part may have none. */
export interface EvaluationData {
  readonly train: HostTensor<"float32">;
  readonly validation: HostTensor<"float32">;
}

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
  const evaluator = evaluatorOf(model, file);
  const width = evaluator.inputDim;
  for (const { dims } of [data.validation, data.train])
    if (dims[1] !== width)
      throw new ConfigError(
        `${file}: takes activations ${width} wide, the data are ${dims[1]} wide; is it the model of another layer?`,
      );
  const session = await runtime.open(packModel(evaluator.model), { threads });
  try {
    const shift = meanRow([data.train, data.validation], width);
    const totals = noTotals(evaluator.table);
    await addRows(session, data.validation, shift, batchSize, [totals.validation, totals.all]);
    await addRows(session, data.train, shift, batchSize, [totals.all]);
    const { inputDim, latentDim, k, metadata } = evaluator;
    const measured = { inputDim, latentDim, shift: Float64Array.from(shift.data) };
    return { inputDim, latentDim, k, metadata, ...conclude(measured, totals) };
  } finally {
    await session.release();
  }
}

async function addRows(
  session: Session,
  x: HostTensor<"float32">,
  shift: HostTensor,
  batchSize: number,
  into: Accumulator[],
) {
  const total = x.dims[0]!;
  for (let from = 0; from < total; from += batchSize) {
    const activations = sliceRows(x, from, Math.min(from + batchSize, total));
    const outputs = await session.run({ activations, shift });
    for (const one of into) one.add(outputs, activations.dims[0]!);
  }
}

/** The mean of all rows, summed in float64. */
function meanRow(parts: readonly HostTensor<"float32">[], width: number): HostTensor<"float32"> {
  const sums = new Float64Array(width);
  let rows = 0;
  for (const { data, dims } of parts) {
    rows += dims[0]!;
    for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]!;
  }
  return tensor(
    "float32",
    [width],
    Float32Array.from(sums, (sum) => sum / Math.max(rows, 1)),
  );
}
