import type { ExpectedOutput } from "../../data/vectors.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { PlainRow } from "./forward.ts";
import { column } from "./tensors.ts";

/**
 * The evaluator's sums that are one number a row, worked out by their definitions: squared error, cosine, number and total of the
 * latents. Those over a whole batch mix rows of every magnitude and are not replayed.
 */
export function plainSums(
  code: readonly PlainRow[],
  { data, dims }: HostTensor<"float32">,
  xHat: readonly Float64Array[],
): Readonly<Record<string, ExpectedOutput>> {
  const width = dims[1]!;
  const x = code.map((_, row) => Float64Array.from(data.subarray(row * width, (row + 1) * width)));
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const perRow = (value: (row: number) => number, scale: (row: number) => number): ExpectedOutput => ({
    value: column(code.map((_, row) => value(row))),
    scale: column(code.map((_, row) => scale(row))),
  });
  const kept = (row: number) => code[row]!.latents;
  return {
    "reconstructionLoss.error": perRow(
      (row) => x[row]!.reduce((sum, v, i) => sum + (v - xHat[row]![i]!) ** 2, 0),
      (row) => dot(x[row]!, x[row]!) + dot(xHat[row]!, xHat[row]!),
    ),
    "cosineSimilarity.cosine": perRow(
      (row) =>
        dot(x[row]!, xHat[row]!) /
        Math.max(Math.sqrt(dot(x[row]!, x[row]!)) * Math.sqrt(dot(xHat[row]!, xHat[row]!)), 1e-8),
      () => 1,
    ),
    "l0.count": perRow(
      (row) => kept(row).filter((z) => z !== 0).length,
      // Each faint latent may count or not: a difference of so many is 1e-5 of this.
      (row) => 1 + 1e5 * code[row]!.faint,
    ),
    "activationMagnitude.total": perRow(
      (row) => kept(row).reduce((sum, z) => sum + Math.abs(z), 0),
      (row) => kept(row).reduce((sum, z) => sum + Math.abs(z), code[row]!.scale),
    ),
  };
}
