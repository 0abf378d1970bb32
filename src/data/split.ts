import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sizeOf, sliceRows, tensor } from "../util/tensor.ts";
import type { ActivationSet } from "./activations.ts";

/** Row numbers of the training and the validation rows, ascending; together every row once. */
export interface RowSplit {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Which rows train and which validate.
 *
 * The first `trainRows` train if given; else the `split` column decides (0 trains, 1 validates); else the first 80 %, rounded down.
 * @throws {ConfigError} when `trainRows` is not from 1 to rows - 1, or the column holds another value.
 */
export function splitRows({ activations, columns, source }: ActivationSet, trainRows?: number): RowSplit {
  const rows = activations.dims[0]!;
  if (trainRows !== undefined && !(Number.isInteger(trainRows) && trainRows >= 1 && trainRows < rows))
    throw new ConfigError(
      `${source}: train rows must be an integer from 1 to ${rows - 1} of its ${rows} rows, got ${trainRows}`,
    );
  const column = trainRows === undefined && Object.hasOwn(columns, "split") ? columns.split : undefined;
  if (!column) {
    const first = trainRows ?? Math.floor(0.8 * rows);
    return { train: range(0, first), validation: range(first, rows) };
  }
  const odd = column.findIndex((value) => value !== 0 && value !== 1);
  if (odd >= 0)
    throw new ConfigError(
      `${source}: column "split" is ${column[odd]} at row ${odd}; write 0 for train, 1 for validation`,
    );
  const all = range(0, rows);
  return { train: all.filter((row) => column[row] === 0), validation: all.filter((row) => column[row] === 1) };
}

/**
 * The given rows of a matrix, `[rows.length, inputDim]`: a view where they follow one another, else a copy.
 * @throws {ConfigError} when the matrix has no such row.
 */
export function takeRows(activations: HostTensor<"float32">, rows: Uint32Array): HostTensor<"float32"> {
  const total = activations.dims[0]!;
  const wrong = rows.find((row) => row >= total);
  if (wrong !== undefined)
    throw new ConfigError(`takeRows: row ${wrong} of a matrix of ${total} rows; they count from 0`);
  const first = rows[0] ?? 0;
  if (rows.every((row, i) => row === first + i)) return sliceRows(activations, first, first + rows.length);
  const width = sizeOf(activations.dims.slice(1));
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    data.set(activations.data.subarray(row * width, (row + 1) * width), i * width);
  });
  return tensor("float32", [rows.length, ...activations.dims.slice(1)], data);
}

const range = (from: number, to: number): Uint32Array => Uint32Array.from({ length: to - from }, (_, i) => from + i);
