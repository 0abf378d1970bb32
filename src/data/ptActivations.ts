import { ConfigError } from "../util/errors.ts";
import { type ActivationSet, activationSetOf } from "./activations.ts";
import { notAnArchive, PtTensor, ptOf } from "./pt.ts";
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

/**
 * The matching rows of a .pt file: a matrix alone, or a dictionary with `activations [rows, inputDim]`, or with one matrix of another
 * name. A dictionary may have, in `metadata`, lists of one number a row (`positions`, `layers`, `problem_ids`). Only these rows of the activations are read, so their checksum is not checked.
 * @throws {ConfigError} as `parseActivations`, `readPt` and `matchingRows`.
 */
export async function readPtActivations(
  source: PositionalFile,
  file: string,
  where: Where,
  asked?: string | undefined,
): Promise<ActivationSet> {
  await checkArchive(source, file);
  const from = Math.max(0, source.size - tailBytes);
  const tail = await source.read(from, new Uint8Array(source.size - from));
  const entries = readDirectory(tail, from, file, Number.MAX_SAFE_INTEGER);
  const top = await topOf(source, entries, file);
  const tensor = asked ?? onlyMatrix(top) ?? usualName;
  const matrix = top.get(tensor);
  if (!(matrix instanceof PtTensor))
    throw new ConfigError(
      `${file}: no tensor ${quote(tensor)}; it has ${[...top.keys()]
        .slice(0, 20)
        .map((key) => quote(String(key)))
        .join(", ")}`,
    );
  const { shape, strides, offset, storage } = matrix;
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2 || (strides[1] !== 1 && width > 1))
    throw new ConfigError(
      `${file}: ${quote(tensor)} has shape [${shape.join(", ")}] and strides [${strides.join(", ")}], need [rows, inputDim] row by row; save it with .contiguous()`,
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
    where: `${file}: ${quote(tensor)}`,
  };
  const tensors = new Map<string, StoredArray>([[tensor, activations]]);
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column[0] === "string") continue;
    const kept = Float64Array.from(wanted, (row) => column[row] as number);
    const view = new Uint8Array(kept.buffer);
    tensors.set(name, { dtype: "F64", shape: [kept.length], bytes: view, where: `${file}: ${quote(name)}` });
  }
  return activationSetOf({ metadata: {}, tensors }, file, tensor);
}

/** The dictionary in the archive; of its members only the pickle and the byte order are read. */
async function topOf(source: PositionalFile, entries: readonly ZipEntry[], file: string) {
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
  if (top instanceof PtTensor) return new Map<unknown, unknown>([[usualName, top]]);
  if (!(top instanceof Map))
    throw new ConfigError(
      `${file}: holds neither a tensor nor a dictionary of tensors; save it with torch.save({"activations": activations}, ...)`,
    );
  return top as Map<unknown, unknown>;
}

/** What the matrix is called where nothing else is asked for. */
const usualName = "activations";

/** The name of the only matrix of a dictionary that has none of the usual name. */
function onlyMatrix(top: ReadonlyMap<unknown, unknown>): string | undefined {
  const matrices = [...top].filter(([, value]) => value instanceof PtTensor && value.shape.length === 2);
  return top.has(usualName) || matrices.length !== 1 ? undefined : String(matrices[0]![0]);
}

/** @throws {ConfigError} for a file that is no archive: what torch.save wrote before PyTorch 1.6, or was asked to write. */
async function checkArchive(source: PositionalFile, file: string): Promise<void> {
  if (source.size < 2) return;
  const start = await source.read(0, new Uint8Array(2));
  if (start[0] !== 0x50 || start[1] !== 0x4b) throw notAnArchive(file);
}

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
