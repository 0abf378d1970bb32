import { digest } from "../util/digest.ts";
import { bytesOf } from "../util/tensor.ts";
import type { ActivationSet } from "./activations.ts";
import type { RowSplit } from "./split.ts";

/** What a metrics file says about the activations it was made from. */
export interface DataInfo {
  /** File name without its folder. */
  readonly source: string;
  /** File name of what was to be reconstructed, where it was not the activations themselves. */
  readonly target?: string;
  /** SHA-256 of the float32 activations (and targets), their shape, and which rows train and validate. */
  readonly digest: string;
  readonly train_rows: number;
  readonly validation_rows: number;
  readonly input_dim: number;
  /** Whether the set's metadata says `synthetic: true`. */
  readonly synthetic: boolean;
}

/** Bytes hashed at a time: one call takes less than 2 GiB. */
const chunk = 2 ** 30;

/** What the set is. Its digest changes with any activation, target, shape and with the split; not with the file's format or name. */
export async function describeData(
  set: ActivationSet,
  split: RowSplit,
  target?: ActivationSet | undefined,
): Promise<DataInfo> {
  const [rows, inputDim] = set.activations.dims as [number, number];
  const hashes: string[] = [];
  for (const { activations } of target ? [set, target] : [set]) {
    const bytes = bytesOf(activations);
    for (let at = 0; at < bytes.length; at += chunk) hashes.push(await digest(bytes.subarray(at, at + chunk)));
  }
  for (const part of [split.train, split.validation])
    hashes.push(await digest(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)));
  return {
    source: set.source,
    ...(target ? { target: target.source } : {}),
    digest: await digest(new TextEncoder().encode(JSON.stringify({ dims: [rows, inputDim], hashes }))),
    train_rows: split.train.length,
    validation_rows: split.validation.length,
    input_dim: inputDim,
    synthetic: set.metadata.synthetic === "true",
  };
}

/**
 * The layer or position that all rows share: from the column where there is one, else from the metadata.
 *
 * `null` where rows differ or nothing is known.
 */
export function columnOf({ columns, metadata }: ActivationSet, name: "layer" | "position"): number | null {
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (column) return column.every((value) => value === column[0]) ? column[0]! : null;
  const text = Object.hasOwn(metadata, name) ? metadata[name]!.trim() : "";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
