import { readFileSync } from "node:fs";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";

/** A probe at its optimum. */
interface Optimum {
  readonly lambda: number;
  readonly w: readonly number[];
  readonly b: number;
  readonly loss: number;
}

/** What cross-validation found. */
export interface Crossed {
  readonly scores: readonly (readonly number[])[];
  readonly strengths: readonly number[];
  readonly measures: Readonly<Record<string, number>>;
  readonly best?: number;
  readonly chosen?: readonly (readonly (readonly number[])[])[];
}

interface Witness {
  readonly x: readonly (readonly number[])[];
  readonly binary: readonly number[];
  readonly classes: readonly number[];
  readonly number: readonly number[];
  readonly folds: readonly number[];
  readonly optima: { readonly logistic: readonly Optimum[]; readonly ridge: readonly Optimum[] };
  readonly cross: Readonly<Record<string, Crossed>>;
}

/** Linear probes as scikit-learn and NumPy train them; test/fixtures/sklearn_probes.py says what is in it. */
export const witness = JSON.parse(readFileSync("test/fixtures/sklearn-probes.json", "utf8")) as Witness;

/** Rows of numbers as a matrix. */
export const matrixOf = (rows: readonly (readonly number[])[]): HostTensor<"float32"> =>
  tensor("float32", [rows.length, rows[0]!.length], Float32Array.from(rows.flat()));

/** The largest distance between two lists of numbers. */
export const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, one, i) => Math.max(most, Math.abs(one - b[i]!)), Math.abs(a.length - b.length));
