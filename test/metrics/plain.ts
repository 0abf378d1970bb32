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
  const between = rows * spread(Array.from(middle));
  const squares = (numbers: readonly number[]) => sum(numbers.map((v) => v * v));
  const counts = all.map((row) => of(z, latentDim, row).filter((v) => v !== 0).length);
  const magnitudes = Array.from(z.data, Math.abs)
    .filter((v) => v > 0)
    .sort((a, b) => a - b);
  const fired = new Set(Array.from(z.data, (v, i) => (v === 0 ? -1 : i % latentDim)));
  fired.delete(-1);
  const cosines = all.map((row) => {
    const [a, b] = [of(x, inputDim, row), of(xHat, inputDim, row)];
    return sum(a.map((v, i) => v * b[i]!)) / (Math.sqrt(squares(a)) * Math.sqrt(squares(b)) || 1);
  });
  const length = (one: Seen["x"], row: number) => Math.sqrt(squares(of(one, inputDim, row)));
  const own = (numbers: readonly number[], row: number) => squares(numbers.slice(row * inputDim, (row + 1) * inputDim));
  const heaviest = all.toSorted((a, b) => own(left, b) - own(left, a) || a - b).slice(0, Math.ceil(rows / 1000));
  const pick = (numbers: ArrayLike<number>) =>
    Array.from(numbers).filter((_, i) => !heaviest.includes(Math.floor(i / inputDim)));
  const others = Array.from({ length: inputDim }, (_, dim) =>
    mean(pick(x.data).filter((_, i) => i % inputDim === dim)),
  );
  return {
    explained_variance: 1 - spread(residual) / spread(Array.from(x.data)),
    explained_variance_centered: 1 - squares(residual) / squares(left),
    mean_predictor_explained_variance: between / (between + squares(left)),
    mean_predictor_explained_variance_centered: 0,
    row_fvu_mean: mean(all.filter((row) => own(left, row) > 0).map((row) => own(residual, row) / own(left, row))),
    top_rows_variance_share: sum(heaviest.map((row) => own(left, row))) / squares(left),
    explained_variance_without_top_rows: 1 - spread(pick(residual)) / spread(pick(x.data)),
    explained_variance_centered_without_top_rows:
      1 - squares(pick(residual)) / squares(pick(x.data).map((v, i) => v - others[i % inputDim]!)),
    reconstruction_loss: squares(residual) / residual.length,
    cosine_similarity: mean(cosines),
    l2_ratio: mean(all.map((row) => length(xHat, row) / length(x, row) || 0)),
    relative_reconstruction_bias: squares(Array.from(xHat.data)) / sum(Array.from(x.data, (v, i) => v * xHat.data[i]!)),
    l0_mean: mean(counts),
    l0_std: rows === 1 ? 0 : Math.sqrt(spread(counts) / (rows - 1)),
    mean_activation: mean(magnitudes),
    max_activation: magnitudes.at(-1)!,
    median_activation: magnitudes[Math.floor((magnitudes.length - 1) / 2)]!,
    feature_death_rate: 1 - fired.size / latentDim,
    num_dead_features: latentDim - fired.size,
    num_active_features: fired.size,
  };
}
