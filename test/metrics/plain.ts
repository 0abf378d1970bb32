import type { Seen } from "./measure.ts";
import { meanRow } from "./measure.ts";

const sum = (numbers: Iterable<number>): number => {
  let [total, carry] = [0, 0];
  for (const v of numbers) {
    const next = total + (v - carry);
    carry = next - total - (v - carry);
    total = next;
  }
  return total;
};
const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length;
/** Sum of squared distances from the mean, in two passes. */
const spread = (numbers: readonly number[]): number => {
  const middle = mean(numbers);
  return sum(numbers.map((v) => (v - middle) ** 2));
};

/** Every metric by its definition, in float64 and all rows at once: the other way to compute them. */
export function plainMetrics({ x, xHat, z }: Seen): Record<string, number> {
  const [rows, inputDim] = x.dims as [number, number];
  const latentDim = z.dims[1]!;
  const of = ({ data }: Seen["x"], width: number, row: number) =>
    Array.from(data.subarray(row * width, (row + 1) * width));
  const all = Array.from({ length: rows }, (_, row) => row);
  const residual = Array.from(x.data, (v, i) => v - xHat.data[i]!);
  const middle = meanRow(x);
  const left = Array.from(x.data, (v, i) => v - middle[i % inputDim]!);
  const squares = (numbers: readonly number[]) => sum(numbers.map((v) => v * v));
  const counts = all.map((row) => of(z, latentDim, row).filter((v) => v !== 0).length);
  const magnitudes = Array.from(z.data, Math.abs)
    .filter((v) => v > 0)
    .sort((a, b) => a - b);
  const fired = new Set(Array.from(z.data, (v, i) => (v === 0 ? -1 : i % latentDim)));
  fired.delete(-1);
  const cosines = all.map((row) => {
    const [a, b] = [of(x, inputDim, row), of(xHat, inputDim, row)];
    return sum(a.map((v, i) => v * b[i]!)) / Math.max(Math.sqrt(squares(a)) * Math.sqrt(squares(b)), 1e-8);
  });
  return {
    explained_variance: 1 - spread(residual) / spread(Array.from(x.data)),
    explained_variance_centered: 1 - squares(residual) / squares(left),
    mean_predictor_explained_variance: 1 - spread(left) / spread(Array.from(x.data)),
    mean_predictor_explained_variance_centered: 0,
    reconstruction_loss: squares(residual) / residual.length,
    cosine_similarity: mean(cosines),
    l2_ratio: mean(
      all.map(
        (row) => Math.sqrt(squares(of(xHat, inputDim, row))) / Math.max(Math.sqrt(squares(of(x, inputDim, row))), 1e-8),
      ),
    ),
    l0_mean: mean(counts),
    l0_std: Math.sqrt(spread(counts) / (rows - 1)),
    mean_activation: mean(magnitudes),
    max_activation: magnitudes.at(-1)!,
    median_activation: magnitudes[Math.floor((magnitudes.length - 1) / 2)]!,
    feature_death_rate: 1 - fired.size / latentDim,
    num_dead_features: latentDim - fired.size,
    num_active_features: fired.size,
  };
}
