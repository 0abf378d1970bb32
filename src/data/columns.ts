import { ConfigError } from "../util/errors.ts";
import { quote } from "./quote.ts";
import { type StoredArray, toFloat32, toTensor } from "./stored.ts";

/** Columns that count something: one whole number a row. */
const counted: readonly string[] = ["layer", "position", "text_id", "token_id"];

/** Columns with a fixed meaning. One of these names must have one number a row. */
const reserved: readonly string[] = [...counted, "split"];

/**
 * The 1-D arrays beside a matrix of `rows` rows, by name, as float64 (exact up to 2^53 for integers).
 *
 * Arrays of other shapes or without numbers are left out.
 * @throws {ConfigError} when such an array is called `layer`, `position`, `text_id`, `token_id` or `split`, and when one of the first
 * four has a number that is not whole.
 */
export function readColumns(
  arrays: ReadonlyMap<string, StoredArray>,
  matrix: string,
  rows: number,
): Readonly<Record<string, Float64Array>> {
  const columns: [string, Float64Array][] = [];
  for (const [name, array] of arrays) {
    if (name === matrix) continue;
    const fits = array.shape.length === 1 && array.shape[0] === rows;
    if (!fits && reserved.includes(name))
      throw new ConfigError(
        `${array.where}: column of shape [${array.shape.join(", ")}], ${quote(matrix)} has ${rows} rows; store one value a row, [${rows}], or rename it`,
      );
    if (fits && (reserved.includes(name) || isNumeric(array))) columns.push([name, toFloat64(array)]);
  }
  for (const [name, column] of columns) {
    const odd = counted.includes(name) ? column.findIndex((value) => !Number.isInteger(value)) : -1;
    if (odd >= 0)
      throw new ConfigError(
        `${arrays.get(name)!.where}: ${column[odd]} at row ${odd}; such a column has whole numbers, correct it or rename it`,
      );
  }
  return Object.fromEntries(columns);
}

/** The texts of a column of NumPy's `<U` or `|S`, one a row; `undefined` where the array is none. */
export function readTexts({ dtype, shape, bytes }: StoredArray, rows: number): readonly string[] | undefined {
  const [, order, kind, digits] = /^([<>|])([US])(\d+)$/.exec(dtype) ?? [];
  const count = Number(digits);
  const width = kind === "U" ? 4 : 1;
  if (kind === undefined || shape.length !== 1 || shape[0] !== rows || bytes.length !== rows * count * width)
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letter = (at: number) => (kind === "U" ? view.getUint32(at * 4, order !== ">") : view.getUint8(at));
  return Array.from({ length: rows }, (_, row) => {
    const letters = Array.from({ length: count }, (_, i) => letter(row * count + i));
    // NumPy fills up with zeros; above 10FFFF there are no letters.
    return letters
      .map((one) => (one > 0x10ffff ? "\ufffd" : String.fromCodePoint(one)))
      .join("")
      .replace(/\0+$/, "");
  });
}

const isNumeric = ({ dtype }: StoredArray): boolean => /^(F64|F32|F16|BF16|I\d+|U8|U16|U32|BOOL)$/.test(dtype);

function toFloat64(array: StoredArray): Float64Array {
  if (array.dtype === "F16") return Float64Array.from(toFloat32(array).data);
  const { data } = toTensor(array);
  return data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
}
