import { type Conclusion, conclude, noTotals } from "../../src/evaluate/conclude.ts";
import { buildModel } from "../../src/graph/build.ts";
import { metricsGraph } from "../../src/metrics/graph.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";

/** Rows, what they were encoded to and rebuilt as: what the metrics see of an SAE. */
export interface Seen {
  readonly x: HostTensor<"float32">;
  readonly xHat: HostTensor<"float32">;
  readonly z: HostTensor<"float32">;
  /** The kept latents `[rows, k]`, where selection is exact. */
  readonly top?: HostTensor<"float32">;
}

/** A float32 matrix, row by row. */
export const matrix = (rows: readonly (readonly number[])[]): HostTensor<"float32"> =>
  tensor("float32", [rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));

/**
 * Every metric of the given latents and reconstructions, through the metrics' graph, in batches of `batchSize`; all
 * rows are validation rows. `shift` is the mean row unless given.
 */
export async function measure(
  seen: Seen,
  { batchSize = 1024, shift }: { batchSize?: number; shift?: readonly number[] } = {},
): Promise<Conclusion> {
  const [rows, outputDim] = seen.x.dims as [number, number];
  const latentDim = seen.z.dims[1]!;
  const { parts, table } = metricsGraph({ inputDim: outputDim, latentDim, k: seen.top?.dims[1] });
  const session = await cpu.open(packModel(buildModel(parts)), { threads: 1 });
  const row = tensor("float32", [outputDim], Float32Array.from(shift ?? meanRow(seen.x)));
  const totals = noTotals(table);
  for (let from = 0; from < rows; from += batchSize) {
    const part = (one: HostTensor<"float32">) => sliceRows(one, from, Math.min(from + batchSize, rows));
    const top = seen.top ? { top_values: part(seen.top) } : {};
    const activations = part(seen.x);
    const outputs = await session.run({
      activations,
      latents: part(seen.z),
      reconstruction: part(seen.xHat),
      shift: row,
      ...top,
    });
    for (const one of Object.values(totals)) one.add(outputs, activations.dims[0]!);
  }
  await session.release();
  return conclude({ outputDim, latentDim, shift: Float64Array.from(row.data) }, totals);
}

/** The mean of each column, in float64. */
export function meanRow({ data, dims }: HostTensor<"float32">): Float64Array {
  const [rows, width] = dims as [number, number];
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width]! += data[i]! / rows;
  return mean;
}
