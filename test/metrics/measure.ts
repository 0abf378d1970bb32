import { Accumulator } from "../../src/evaluate/accumulate.ts";
import { type Conclusion, conclude } from "../../src/evaluate/conclude.ts";
import { RowTotals } from "../../src/evaluate/rowTotals.ts";
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

/** Every metric of the given latents and reconstructions, in batches of `batchSize`; all rows are validation rows. */
export async function measure(seen: Seen, { batchSize = 1024 }: { batchSize?: number } = {}): Promise<Conclusion> {
  const rows = seen.x.dims[0]!;
  const latentDim = seen.z.dims[1]!;
  const { parts, table } = metricsGraph(latentDim);
  const session = await cpu.open(packModel(buildModel(parts)), { threads: 1 });
  const totals = { all: Accumulator.of(table), validation: new RowTotals(meanRow(seen.x), rows) };
  for (let from = 0; from < rows; from += batchSize) {
    const part = (one: HostTensor<"float32">) => sliceRows(one, from, Math.min(from + batchSize, rows));
    const latents = part(seen.z);
    totals.all.add(await session.run({ latents }), latents.dims[0]!);
    totals.validation.add({ target: part(seen.x), xHat: part(seen.xHat), active: part(seen.top ?? seen.z) });
  }
  await session.release();
  return conclude(latentDim, totals);
}

/** The mean of each column, in float64. */
export function meanRow({ data, dims }: HostTensor<"float32">): Float64Array {
  const [rows, width] = dims as [number, number];
  const sums = new Float64Array(width);
  for (let i = 0; i < data.length; i++) sums[i % width]! += data[i]!;
  return sums.map((sum) => sum / rows);
}
