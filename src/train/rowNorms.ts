/** @file Rows that are far longer than the others, and are left out of training. */
import { RowSpans } from "../data/rowSpans.ts";
import { takeRows } from "../data/split.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import type { ResidentRows } from "./rows.ts";

/** The length of each row, in float64. */
export function rowNorms({ data, dims }: HostTensor<"float32">): Float64Array {
  const [rows, width] = dims as [number, number];
  const norms = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let squares = 0;
    for (let i = 0; i < width; i++, at++) squares += data[at]! ** 2;
    norms[row] = Math.sqrt(squares);
  }
  return norms;
}

/**
 * The rows that are no longer than `maxRowNorm` allows: all of them with "none", those up to a length, or up to so many times
 * ("10x") the lower median of all lengths.
 * @throws {ConfigError} when none is left.
 */
export function rowsWithin(maxRowNorm: string, norms: Float64Array): RowSpans {
  const most = mostOf(maxRowNorm, norms);
  const bounds: number[] = [];
  for (let row = 0; row < norms.length; row++) {
    if (norms[row]! > most) continue;
    if (bounds.at(-1) === row) bounds[bounds.length - 1] = row + 1;
    else bounds.push(row, row + 1);
  }
  if (bounds.length === 0 && norms.length > 0)
    throw new ConfigError(
      `maxRowNorm ${maxRowNorm} leaves out all ${norms.length} training rows, the shortest is ${Number(norms.toSorted()[0]!.toPrecision(6))} long; raise it`,
    );
  return new RowSpans(Float64Array.from(bounds));
}

function mostOf(maxRowNorm: string, norms: Float64Array): number {
  if (maxRowNorm === "none") return Number.POSITIVE_INFINITY;
  if (!maxRowNorm.endsWith("x")) return Number(maxRowNorm);
  return Number(maxRowNorm.slice(0, -1)) * (norms.toSorted()[Math.floor((norms.length - 1) / 2)] ?? 0);
}

/** Rows to train on, without those that `maxRowNorm` leaves out. The rows themselves where it leaves none out. */
export function withinNorm(rows: ResidentRows, maxRowNorm: string): ResidentRows {
  if (maxRowNorm === "none") return rows;
  const count = rows.activations.dims[0]!;
  const kept = rowsWithin(maxRowNorm, rowNorms(rows.activations));
  if (kept.count === count) return rows;
  const numbers = Uint32Array.from(numbersOf(kept));
  const { activations, targets } = rows;
  return { activations: takeRows(activations, numbers), ...(targets ? { targets: takeRows(targets, numbers) } : {}) };
}

function* numbersOf(spans: RowSpans): Generator<number> {
  for (const [from, to] of spans.ranges()) for (let row = from; row < to; row++) yield row;
}
