import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../util/tensor.ts";
import { checkFinite } from "./finite.ts";
import { quote } from "./quote.ts";
import { type StoredArray, toFloat32, toTensor } from "./stored.ts";

/** The tensors that say what synthetic activations are made of. */
export const truthTensors = { features: "true_features", parents: "true_parents", active: "true_active" } as const;

/** What synthetic activations are made of. */
export interface Truth {
  /** The known dictionary, `[features, inputDim]`, finite; from the tensor `true_features`. */
  readonly features: HostTensor<"float32">;
  /** The feature without which each one cannot fire, -1 for none; `[features]`. */
  readonly parents?: HostTensor<"int32">;
  /** Which features are in each row, filled up with -1; `[rows, most]`. */
  readonly active?: HostTensor<"int32">;
}

/**
 * The truth among the arrays beside a matrix `[rows, inputDim]`; nothing where there is no `true_features`.
 * @throws {ConfigError} when one of them has another shape or type, or names a feature that is not there.
 */
export function readTruth(arrays: ReadonlyMap<string, StoredArray>, rows: number, inputDim: number): Truth | undefined {
  const known = arrays.get(truthTensors.features);
  if (!known) return undefined;
  const features = readFeatures(known, inputDim);
  const count = features.dims[0]!;
  const [parents, active] = [arrays.get(truthTensors.parents), arrays.get(truthTensors.active)];
  return {
    features,
    ...(parents ? { parents: readNumbers(parents, [count], count) } : {}),
    ...(active ? { active: readNumbers(active, [rows, undefined], count) } : {}),
  };
}

function readFeatures(array: StoredArray, inputDim: number): HostTensor<"float32"> {
  if (array.shape.length !== 2 || array.shape[0] === 0 || array.shape[1] !== inputDim)
    throw new ConfigError(
      `${array.where}: shape [${array.shape.join(", ")}], the known dictionary of these activations is [features, ${inputDim}]; rename it if it is something else`,
    );
  const features = toFloat32(array);
  checkFinite(features, array);
  return features;
}

/** Numbers of features, -1 for none. @throws {ConfigError} when the array has another shape, or other numbers. */
export function readNumbers(
  array: StoredArray,
  shape: readonly (number | undefined)[],
  features: number,
): HostTensor<"int32"> {
  const fits =
    array.shape.length === shape.length && shape.every((dim, i) => dim === undefined || dim === array.shape[i]);
  if (!fits || array.dtype !== "I32")
    throw new ConfigError(
      `${array.where}: ${quote(array.dtype).slice(1, -1)} [${array.shape.join(", ")}], need int32 [${shape.map((dim) => dim ?? "any").join(", ")}], numbers of true features; rename it if it is something else`,
    );
  const numbers = toTensor(array) as HostTensor<"int32">;
  const wrong = numbers.data.findIndex((feature) => feature < -1 || feature >= features);
  if (wrong >= 0)
    throw new ConfigError(
      `${array.where}: entry ${wrong} is ${numbers.data[wrong]}, need the number of a true feature, 0 to ${features - 1}, or -1`,
    );
  return numbers;
}

/** What is known of some rows of a set. */
export function truthOfRows(truth: Truth | undefined, rows: Uint32Array): Truth | undefined {
  if (!truth?.active) return truth;
  const most = sizeOf(truth.active.dims.slice(1));
  const data = new Int32Array(rows.length * most);
  const all = truth.active.data;
  rows.forEach((row, i) => {
    data.set(all.subarray(row * most, (row + 1) * most), i * most);
  });
  return { ...truth, active: tensor("int32", [rows.length, most], data) };
}

/** Lists of different length as one matrix, -1 where they end. */
export function filledUp(lists: readonly Int32Array[]): HostTensor<"int32"> {
  const most = lists.reduce((size, { length }) => Math.max(size, length), 1);
  const data = new Int32Array(lists.length * most).fill(-1);
  lists.forEach((list, row) => {
    data.set(list, row * most);
  });
  return tensor("int32", [lists.length, most], data);
}
