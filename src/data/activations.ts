import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { readColumns } from "./columns.ts";
import { checkFinite } from "./finite.ts";
import { readNpyArray } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { quote } from "./quote.ts";
import { readSafetensors } from "./safetensors.ts";
import { isFloat, type StoredArray, toFloat32 } from "./stored.ts";
import { readTruth, type Truth, truthTensors } from "./truth.ts";

/** Activations, one row per token, and what is known about each row. */
export interface ActivationSet {
  /** `[rows, inputDim]`, finite, at least one row. */
  readonly activations: HostTensor<"float32">;
  /** One value per row, by name: `layer`, `position`, `text_id`, `token_id`, `split` (0 train, 1 validation), or any other. */
  readonly columns: Readonly<Record<string, Float64Array>>;
  /** What synthetic activations are made of. */
  readonly truth?: Truth;
  readonly metadata: Readonly<Record<string, string>>;
  /** The numbers of these rows in their file, where not all are of the set. */
  readonly wanted?: Uint32Array;
  /** How many rows their file has, where not all are of the set. */
  readonly rowsInFile?: number;
  /** File name without its folder. */
  readonly source: string;
}

/** Which matrix of a file is meant. */
export interface MatrixChoice {
  /** Its name; default: `activations`, else the only one. */
  readonly tensor?: string | undefined;
  /** What to do where there are several, for the error; default: to name one with `--tensor`. */
  readonly severalHint?: string;
}

/** What a file format gives: named arrays, and text about them. */
export interface ArrayFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredArray>;
}

/** What else is written beside SAEs, by the format in its metadata, and what to take in its place. */
const others = new Map<string, (sae: string) => string>([
  ["sae-onnx", () => "is a checkpoint of an SAE, no activations; give the activations that it is for"],
  ["sae-onnx training state", (sae) => `is the state of a training, no activations; the SAE is ${sae}.safetensors`],
  ["sae-onnx parity", () => "holds verification vectors of a model, no activations; sae-onnx verify reads them"],
]);

/** How each file format is read, by extension. */
const readers: Readonly<Record<string, (bytes: Uint8Array, file: string) => ArrayFile>> = {
  safetensors: readSafetensors,
  npz: (bytes, file) => ({ metadata: {}, tensors: readNpz(bytes, file) }),
  npy: (bytes, file) => ({ metadata: {}, tensors: new Map([["activations", readNpyArray(bytes, file)]]) }),
};

/**
 * The activation set in the bytes of a .safetensors, .npz or .npy file, converted to float32.
 *
 * The matrix is the one called `tensor`; by default `activations`, else the only 2-D array of floating-point numbers.
 * @throws {ConfigError} when the extension is unknown, no array fits, it is not 2-D, is empty,
 * holds NaN, infinity or values beyond float32, a column has another length, or `true_features` another width.
 */
export function parseActivations(bytes: Uint8Array, file: string, options: MatrixChoice = {}): ActivationSet {
  return activationSetOf(parseArrays(bytes, file), file, options);
}

/** The arrays in the bytes of a .safetensors, .npz or .npy file; of one with another extension, by how it begins. @throws {ConfigError} when the extension is unknown. */
export function parseArrays(bytes: Uint8Array, file: string): ArrayFile {
  const extension = /\.([^./\\]+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
  // What comes through a pipe has no name: `/dev/fd/63`.
  const format = Object.hasOwn(readers, extension) ? extension : formatIn(bytes);
  const read = format === undefined ? undefined : readers[format];
  if (!read)
    throw new ConfigError(
      `${file}: unknown extension; activations are read from .safetensors, .npz, .npy or .pt files`,
    );
  return read(bytes, file);
}

/** The format that some bytes begin as; `undefined` for none. */
function formatIn(bytes: Uint8Array): keyof typeof readers | undefined {
  const start = (text: string, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
  if (start("\x93NUMPY")) return "npy";
  if (start("PK")) return "npz";
  return start("{", 8) ? "safetensors" : undefined;
}

/** The activation set among some arrays; checks as `parseActivations`. */
export function activationSetOf(
  { metadata, tensors }: ArrayFile,
  file: string,
  choice: MatrixChoice = {},
): ActivationSet {
  const other = choice.tensor === undefined && !tensors.has("activations") && others.get(metadata.format ?? "");
  if (other) throw new ConfigError(`${file}: ${other(file.replace(/(\.state)?\.safetensors$/i, ""))}`);
  const name = chooseMatrix(tensors, file, choice);
  const matrix = tensors.get(name)!;
  const activations = toMatrix(matrix);
  const columns = readColumns(tensors, name, activations.dims[0]!);
  const [rows, inputDim] = activations.dims as [number, number];
  const truth = name === truthTensors.features ? undefined : readTruth(tensors, rows, inputDim);
  return { activations, columns, ...(truth ? { truth } : {}), metadata, source: file.split(/[\\/]/).at(-1)! };
}

/** The name of the matrix among the arrays of a file. @throws {ConfigError} as `parseActivations`. */
export function chooseMatrix(
  tensors: ReadonlyMap<string, Pick<StoredArray, "dtype" | "shape">>,
  file: string,
  { tensor: wanted, severalHint = "choose one with --tensor" }: MatrixChoice,
): string {
  const list = (names: readonly [string, Pick<StoredArray, "dtype" | "shape">][]) =>
    names
      .slice(0, 20)
      .map(([name, { dtype, shape }]) => `${quote(name)} ${quote(dtype).slice(1, -1)} [${shape.join(", ")}]`)
      .join("; ") || "nothing";
  if (wanted !== undefined) {
    if (tensors.has(wanted)) return wanted;
    throw new ConfigError(`${file}: no tensor ${quote(wanted)}; it has ${list([...tensors])}`);
  }
  if (tensors.has("activations")) return "activations";
  const candidates = [...tensors].filter(
    ([name, array]) => name !== truthTensors.features && array.shape.length === 2 && isFloat(array),
  );
  if (candidates.length === 1) return candidates[0]![0];
  if (candidates.length > 1)
    throw new ConfigError(`${file}: several tensors could be the activations; ${severalHint}: ${list(candidates)}`);
  throw new ConfigError(`${file}: no 2-D tensor of floating-point numbers; it has ${list([...tensors])}`);
}

function toMatrix(array: StoredArray): HostTensor<"float32"> {
  const { shape, where } = array;
  if (shape.length !== 2)
    throw new ConfigError(
      `${where}: activations have shape [${shape.join(", ")}], need [rows, inputDim]; reshape to two dimensions`,
    );
  if (shape[0] === 0 || shape[1] === 0)
    throw new ConfigError(`${where}: activations are empty, shape [${shape.join(", ")}]; store at least one row`);
  const activations = convert(array);
  checkFinite(activations, array);
  return activations;
}

function convert(array: StoredArray): HostTensor<"float32"> {
  try {
    return toFloat32(array);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const [rows, width] = array.shape as [number, number];
    throw new ConfigError(
      `${array.where}: [${rows}, ${width}] takes ${rows * width * 4} bytes as float32, more than one array holds here; split the file`,
      { cause },
    );
  }
}
