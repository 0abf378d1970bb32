import { ConfigError } from "../util/errors.ts";
import { type ActivationSet, activationSetOf, chooseMatrix } from "./activations.ts";
import { checkPtStart, PtTensor, ptOf } from "./pt.ts";
import { quote } from "./quote.ts";
import { elementBytes, type StoredArray } from "./stored.ts";
import { matchingRows, type Where } from "./where.ts";
import { dataOffset, localHeaderBytes, readDirectory, type ZipEntry } from "./zip.ts";

/** A file that is read piece by piece. */
export interface PositionalFile {
  readonly size: number;
  /** Fills `into` with the bytes from `from` on. */
  readonly read: (from: number, into: Uint8Array) => Promise<Uint8Array>;
}

/** The end of the file, in which the directory of the archive must lie. */
const tailBytes = 2 ** 20;
/** Most bytes of the pickle, which holds the labels of the rows. */
const maxPickle = 2 ** 30;

/** Column names of the experiment, and what they are called here. */
const columnNames: Readonly<Record<string, string>> = {
  ...{ layers: "layer", positions: "position", problem_ids: "text_id" },
};

/** Bytes at the beginning of the file, enough to see what it is. */
const headBytes = 128;

/**
 * The matching rows of a .pt file. It is a tensor `[rows, inputDim]`, or a dictionary with one: the one called `tensor`, by default
 * `activations`, else the only 2-D one of floating-point numbers. A dictionary may have in `metadata` lists of one number a row
 * (`positions`, `layers`, `problem_ids`). Only these rows of the activations are read, so their checksum is not checked.
 * @throws {ConfigError} as `parseActivations`, `readPt` and `matchingRows`.
 */
export async function readPtActivations(
  source: PositionalFile,
  file: string,
  where: Where,
  tensor?: string,
): Promise<ActivationSet> {
  checkPtStart(await source.read(0, new Uint8Array(Math.min(headBytes, source.size))), file);
  const from = Math.max(0, source.size - tailBytes);
  const tail = await source.read(from, new Uint8Array(source.size - from));
  const entries = readDirectory(tail, from, file, Number.MAX_SAFE_INTEGER);
  const top = await topOf(source, entries, file, tensor);
  const all = [...top].filter((entry): entry is [string, PtTensor] => entry[1] instanceof PtTensor);
  if (all.length === 0)
    throw new ConfigError(
      `${file}: has no tensor, ${top.size === 0 ? "nothing at all" : `only ${listed(top)}`}; save the matrix itself, or a dictionary with it: torch.save({"activations": x}, "x.pt")`,
    );
  const shapes = all.map(([key, { shape, storage }]) => [String(key), { dtype: storage.dtype, shape }] as const);
  const name = chooseMatrix(new Map(shapes), file, { tensor });
  const matrix = all.find(([key]) => String(key) === name)![1];
  const { shape, strides, offset, storage } = matrix;
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2)
    throw new ConfigError(
      `${file}: ${quote(name)} has shape [${shape.join(", ")}], need [rows, inputDim]; reshape it to two dimensions`,
    );
  if (strides[1] !== 1 && width > 1)
    throw new ConfigError(
      `${file}: ${quote(name)} has shape [${shape.join(", ")}] and strides [${strides.join(", ")}], need [rows, inputDim] row by row; save it with .contiguous()`,
    );
  const columns = columnsOf(top.get("metadata"), rows);
  const wanted = matchingRows(columns, where, rows, file);
  const rowBytes = width * elementBytes[storage.dtype]!;
  const bytes = allocated(wanted.length * rowBytes, file);
  const entry = entries.find(({ name }) => name === storage.member.name)!;
  const start = await offsetOf(source, entry, file);
  // Neighbouring rows come in one read.
  for (let i = 0; i < wanted.length; ) {
    let end = i + 1;
    while (end < wanted.length && strides[0] === width && wanted[end] === wanted[end - 1]! + 1) end++;
    const at = start + (offset + wanted[i]! * strides[0]!) * elementBytes[storage.dtype]!;
    await source.read(at, bytes.subarray(i * rowBytes, end * rowBytes));
    i = end;
  }
  const activations = {
    dtype: storage.dtype,
    shape: [wanted.length, width],
    bytes,
    where: `${file}: ${quote(name)}`,
  };
  const tensors = new Map<string, StoredArray>([[name, activations]]);
  for (const [key, column] of Object.entries(columns)) {
    if (typeof column[0] === "string") continue;
    const kept = Float64Array.from(wanted, (row) => column[row] as number);
    const view = new Uint8Array(kept.buffer);
    tensors.set(key, { dtype: "F64", shape: [kept.length], bytes: view, where: `${file}: ${quote(key)}` });
  }
  return activationSetOf({ metadata: {}, tensors }, file, { tensor: name });
}

/** Whether some bytes are an archive as torch.save writes; it has a pickle, and a .npz has none. */
export const isPt = (bytes: Uint8Array, file: string): boolean =>
  bytes[0] === 0x50 &&
  bytes[1] === 0x4b &&
  readDirectory(bytes, 0, file, Number.MAX_SAFE_INTEGER).some(({ name }) => /(^|\/)data\.pkl$/.test(name));

/** The dictionary in the archive; of its members only the pickle and the byte order are read. */
async function topOf(source: PositionalFile, entries: readonly ZipEntry[], file: string, tensor: string | undefined) {
  const members = await Promise.all(
    entries.map(async (entry) => {
      const { name, size, method } = entry;
      if (!/(^|\/)(data\.pkl|byteorder)$/.test(name)) return { name, size, read: () => new Uint8Array() };
      if (method !== 0 || size > maxPickle)
        throw new ConfigError(
          `${file}: ${quote(name)} is compressed or has ${size} bytes; torch.save writes no such file`,
        );
      const bytes = await source.read(await offsetOf(source, entry, file), new Uint8Array(size));
      return { name, size, read: () => bytes };
    }),
  );
  const top = ptOf(members, file);
  if (top instanceof PtTensor) {
    if (tensor === undefined) return new Map<unknown, unknown>([["activations", top]]);
    throw new ConfigError(`${file}: is one tensor without a name, not ${quote(tensor)} among several; name none`);
  }
  if (!(top instanceof Map))
    throw new ConfigError(
      `${file}: is ${Array.isArray(top) ? `a list of ${top.length} values` : "no tensor"}; save the matrix itself, or a dictionary with it: torch.save({"activations": x}, "x.pt")`,
    );
  return top as Map<unknown, unknown>;
}

const listed = (top: ReadonlyMap<unknown, unknown>): string =>
  [...top.keys()]
    .slice(0, 20)
    .map((key) => quote(String(key)))
    .join(", ");

const offsetOf = async (source: PositionalFile, entry: ZipEntry, file: string): Promise<number> => {
  if (entry.method !== 0 || entry.offset + localHeaderBytes > source.size)
    throw new ConfigError(`${file}: ${quote(entry.name)} is compressed or outside the file; get the file again`);
  return dataOffset(await source.read(entry.offset, new Uint8Array(localHeaderBytes)), entry, source.size, file);
};

/** Lists of the metadata with one number, or one text, a row. */
function columnsOf(metadata: unknown, rows: number): Readonly<Record<string, readonly number[] | readonly string[]>> {
  if (!(metadata instanceof Map)) return {};
  const fits = (list: unknown): list is number[] | string[] =>
    Array.isArray(list) &&
    list.length === rows &&
    ["number", "string"].some((type) => list.every((one) => typeof one === type));
  const found = [...metadata].filter(
    (entry): entry is [string, number[] | string[]] => typeof entry[0] === "string" && fits(entry[1]),
  );
  return Object.fromEntries(found.map(([name, list]) => [columnNames[name] ?? name, list]));
}

function allocated(size: number, file: string): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new ConfigError(`${file}: ${size} bytes of rows, more than one array holds; choose some with --where`, {
      cause,
    });
  }
}
