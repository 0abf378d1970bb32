import { z } from "zod";
import type { Weights } from "../checkpoint/checkpoint.ts";
import { quote } from "../data/quote.ts";
import { type StoredArray, toFloat32 } from "../data/stored.ts";
import type { ArchitectureName } from "../sae/index.ts";
import { ConfigError } from "../util/errors.ts";
import type { AnyOptionValues } from "../util/options.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";

/** An SAE trained elsewhere, as this project computes and stores it: matrices are `[latentDim, inputDim]`. */
export interface Pretrained {
  readonly architecture: ArchitectureName;
  /** The format it came in: a preset of the architecture. */
  readonly source: string;
  readonly options: AnyOptionValues;
  readonly tensors: Weights;
  readonly layer: number | null;
  readonly position: number | null;
}

/** A file or folder to import: its path and the bytes of its files by name (of the file itself: its own name). */
export interface SourceFiles {
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What else is in the folder; default nothing. */
  readonly others?: readonly string[];
}

/** A format SAEs come in. */
export interface SourceFormat {
  readonly describe: string;
  /** Names of the files it needs; a pattern for a file given by itself. */
  readonly needs: readonly (string | RegExp)[];
  /** Names of files it reads where they are there. */
  readonly mayHave?: readonly string[];
  /** @throws {ConfigError} for what is missing, contradicts itself, or cannot be computed here: by name. */
  readonly read: (source: SourceFiles) => Pretrained;
}

type F32 = HostTensor<"float32">;

/** The matrix of a Linear kept the other way round. */
export function transposed({ dims, data }: F32): F32 {
  const [rows, columns] = dims as [number, number];
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!;
  return tensor("float32", [columns, rows], out);
}

/** Each row times a number of its own, rounded once. */
export function scaledRows({ dims, data }: F32, factors: ArrayLike<number>): F32 {
  const width = data.length / dims[0]!;
  return tensor(
    "float32",
    dims,
    data.map((value, i) => value * factors[Math.floor(i / width)]!),
  );
}

/** The named tensors, which must be all there are, but for `optional`. @throws {ConfigError} for a missing or an unknown one. */
export function exactly<const N extends string>(
  arrays: ReadonlyMap<string, StoredArray>,
  names: readonly N[],
  file: string,
  optional: readonly string[] = [],
): { readonly [K in N]: F32 } {
  const list = [...arrays].slice(0, 20).map(([name, { shape }]) => `${quote(name)} [${shape.join(", ")}]`);
  const missing = names.find((name) => !arrays.has(name));
  if (missing !== undefined)
    throw new ConfigError(`${file}: tensor ${quote(missing)} is missing; it has ${list.join(", ") || "none"}`);
  const extra = [...arrays.keys()].find((name) => !names.includes(name as N) && !optional.includes(name));
  if (extra !== undefined)
    throw new ConfigError(
      `${file}: tensor ${quote(extra)} is not supported; what it adds to ${names.join(", ")} would be lost`,
    );
  return Object.fromEntries(names.map((name) => [name, finite(arrays.get(name)!)])) as { readonly [K in N]: F32 };
}

function finite(array: StoredArray): F32 {
  const read = toFloat32(array);
  const at = read.data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new ConfigError(`${array.where}: element ${at} is ${read.data[at]}; a weight must be finite`);
  return read;
}

/** A JSON file of the source, checked: a key of another type or value is refused by its name. Unknown keys: `strict` schemas refuse them. */
export function readJson<T extends z.ZodType>({ path, files }: SourceFiles, name: string, schema: T): z.infer<T> {
  const file = `${path}/${name}`;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(files.get(name)));
  } catch {
    throw new ConfigError(`${file}: is not JSON; get the file again`);
  }
  const { data, error } = schema.safeParse(json);
  if (error) {
    const issue = error.issues[0]!;
    const { path: at, message } = issue;
    if (issue.code === "unrecognized_keys")
      throw new ConfigError(
        `${file}: ${issue.keys.map((key) => quote([...at, key].join("."))).join(", ")} not supported; what it changes would be lost`,
      );
    const value = at.reduce<unknown>((of, key) => (Object(of) as Record<PropertyKey, unknown>)[key], json);
    const shown = value === undefined ? "missing" : `${JSON.stringify(value).slice(0, 80)}: ${message}`;
    throw new ConfigError(`${file}: ${at.join(".") || "the file"} is ${shown}`);
  }
  return data as z.infer<T>;
}

/** A setting that only these values can be imported with. */
export const only = <const V extends readonly (string | number | boolean | null)[]>(...values: V) =>
  z.literal(values as unknown as [V[number], ...V[number][]], {
    error: () => `not supported here, only ${values.map(String).join(" or ")}`,
  });
