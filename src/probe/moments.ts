import { type HostTensor, tensor } from "../util/tensor.ts";
import type { Folds } from "./folds.ts";

/** Sums over the rows of each fold; from them come means and correlations of any union of folds. */
export interface Moments {
  readonly dims: number;
  /** `[folds]` */
  readonly counts: Float64Array;
  /** `[folds, dims]` */
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** A target, and its sums over the rows of each fold. */
export interface TargetMoments {
  /** `[folds]` */
  readonly sums: Float64Array;
  readonly squares: Float64Array;
  /** Of x times y, `[folds, dims]`. */
  readonly products: Float64Array;
}

/**
 * A matrix with columns of mean 0 and variance 1 over all rows, 0 where they do not vary. It keeps float32 sums exact enough; what a probe
 * sees is standardised once more, on its training rows alone.
 */
export function standardised({ dims: [rows, dims], data }: HostTensor<"float32">): HostTensor<"float32"> {
  const [height, width] = [rows!, dims!];
  const [mean, square] = [new Float64Array(width), new Float64Array(width)];
  for (let at = 0; at < data.length; at += width) for (let j = 0; j < width; j++) mean[j]! += data[at + j]! / height;
  for (let at = 0; at < data.length; at += width)
    for (let j = 0; j < width; j++) square[j]! += (data[at + j]! - mean[j]!) ** 2 / height;
  // What is left of a constant column is rounding.
  const factor = square.map((one, j) => (Math.sqrt(one) > 1e-6 * Math.abs(mean[j]!) ? 1 / Math.sqrt(one) : 0));
  const found = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += width)
    for (let j = 0; j < width; j++) found[at + j] = (data[at + j]! - mean[j]!) * factor[j]!;
  return tensor("float32", [height, width], found);
}

export function momentsOf({ dims, data }: HostTensor<"float32">, folds: Folds): Moments {
  const width = dims[1]!;
  const [sums, squares] = [new Float64Array(folds.count * width), new Float64Array(folds.count * width)];
  const counts = new Float64Array(folds.count);
  folds.of.forEach((fold, row) => {
    counts[fold]!++;
    for (let j = 0; j < width; j++) {
      const value = data[row * width + j]!;
      sums[fold * width + j]! += value;
      squares[fold * width + j]! += value * value;
    }
  });
  return { dims: width, counts, sums, squares };
}

export function targetMoments({ dims, data }: HostTensor<"float32">, y: Float32Array, folds: Folds): TargetMoments {
  const width = dims[1]!;
  const products = new Float64Array(folds.count * width);
  const [sums, squares] = [new Float64Array(folds.count), new Float64Array(folds.count)];
  folds.of.forEach((fold, row) => {
    const value = y[row]!;
    sums[fold]! += value;
    squares[fold]! += value * value;
    if (value !== 0) for (let j = 0; j < width; j++) products[fold * width + j]! += value * data[row * width + j]!;
  });
  return { sums, squares, products };
}

/** Sums of some folds' entries: `[folds, width]` to `[width]`. */
function over(folds: readonly number[], sums: Float64Array, width: number): Float64Array {
  const total = new Float64Array(width);
  for (const fold of folds) for (let j = 0; j < width; j++) total[j]! += sums[fold * width + j]!;
  return total;
}

/** Mean and 1 / standard deviation of each feature over some folds; 0 in place of the latter where it does not vary. */
export function scaling(moments: Moments, folds: readonly number[]): { mean: Float32Array; scale: Float32Array } {
  const { dims } = moments;
  const count = folds.reduce((sum, fold) => sum + moments.counts[fold]!, 0);
  const [sums, squares] = [over(folds, moments.sums, dims), over(folds, moments.squares, dims)];
  const mean = Float32Array.from(sums, (sum) => sum / count);
  const scale = Float32Array.from(squares, (square, j) => {
    const variance = square / count - (sums[j]! / count) ** 2;
    return variance > 1e-10 ? 1 / Math.sqrt(variance) : 0;
  });
  return { mean, scale };
}

/**
 * The `count` features that tell most about a target over some folds, strongest first: those of largest |correlation|. For two classes that
 * is the order of the standardised difference of their means. Ties go to the lower number; a feature that does not vary is never one.
 */
export function strongest(moments: Moments, target: TargetMoments, folds: readonly number[], count: number): number[] {
  const { dims } = moments;
  const total = (of: Float64Array) => folds.reduce((sum, fold) => sum + of[fold]!, 0);
  const [rows, sum, square] = [total(moments.counts), total(target.sums), total(target.squares)];
  const deviation = Math.sqrt(square / rows - (sum / rows) ** 2);
  const [sums, products] = [over(folds, moments.sums, dims), over(folds, target.products, dims)];
  const { scale } = scaling(moments, folds);
  const size = Float64Array.from(scale, (one, j) =>
    Math.abs(((products[j]! / rows - (sums[j]! / rows) * (sum / rows)) * one) / deviation),
  );
  return Array.from({ length: dims }, (_, j) => j)
    .filter((j) => scale[j]! > 0)
    .sort((a, b) => size[b]! - size[a]! || a - b)
    .slice(0, count);
}
