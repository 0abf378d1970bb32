import { type FileHandle, open, stat } from "node:fs/promises";
import { ConfigError } from "../util/errors.ts";
import { readError, writeError } from "../util/fileErrors.ts";
import { type ActivationSet, type ArrayFile, activationSetOf, parseArrays } from "./activations.ts";
import { readTexts } from "./columns.ts";
import { type Label, labelColumns, labelsPath, parseLabels } from "./labels.ts";
import { readPtActivations } from "./ptActivations.ts";
import { writeThroughOrWhole } from "./replace.node.ts";
import { type Column, rowsWhere, type Where } from "./where.ts";

/**
 * The activation set in a .safetensors, .npz, .npy or .pt file; see `parseActivations`. `where` keeps the rows whose columns
 * have these values; of a .pt file no others are read. Columns of text are those of a .npz or .pt file, and labels beside the others.
 * @throws {ConfigError} when the file cannot be read, or is not what it should be.
 */
export async function readActivations(
  path: string,
  { tensor, where = {} }: { readonly tensor?: string | undefined; readonly where?: Where | undefined } = {},
): Promise<ActivationSet> {
  if (/\.pt$/i.test(path))
    return withFile(path, async (file, size) => {
      const read = async (from: number, into: Uint8Array) => {
        await readInto(file, into, from, path);
        return into;
      };
      return readPtActivations({ size, read }, path, where, tensor);
    });
  const file = parseArrays(await readBytes(path), path);
  const set = activationSetOf(file, path, { tensor });
  return rowsWhere(set, where, await otherColumns(set, file, where, path));
}

/** Columns that conditions name and the set has not: texts of the file, and what the labels beside it say of each row. */
async function otherColumns(set: ActivationSet, { tensors }: ArrayFile, where: Where, path: string) {
  const rows = set.activations.dims[0]!;
  const texts = new Map<string, Column>();
  const unknown = Object.keys(where).filter((name) => !Object.hasOwn(set.columns, name));
  for (const name of unknown) {
    const array = tensors.get(name);
    const column = array && readTexts(array, rows);
    if (column) texts.set(name, column);
  }
  const labels = unknown.length > texts.size ? await readLabels(path, rows) : null;
  return { ...labelColumns(labels ?? []), ...Object.fromEntries(texts) };
}

/**
 * The labels beside an activation file (`labelsPath`); `null` where there is no such file.
 * @throws {ConfigError} when the file cannot be read, a line is no object, or it has not `rows` lines.
 */
export async function readLabels(path: string, rows: number): Promise<readonly Label[] | null> {
  const file = labelsPath(path);
  const bytes = await readBytes(file).catch((error) => {
    if (error instanceof ConfigError && (error.cause as NodeJS.ErrnoException)?.code === "ENOENT") return null;
    throw error;
  });
  if (bytes === null) return null;
  if (bytes.length > maxText)
    throw new ConfigError(`${file}: ${bytes.length} bytes of labels, at most ${maxText} are read; shorten the texts`);
  return parseLabels(new TextDecoder().decode(bytes), file, rows);
}

/** Most bytes of a labels file: below the longest string Node 20 can hold. */
const maxText = 2 ** 29 - 2 ** 16;

/** Bytes asked for at a time: Node reads less than 2 GiB in one call. */
const chunk = 2 ** 28;

/**
 * All bytes of a file, also beyond 2 GiB; at most what one array of this Node holds (4 GiB in Node 20).
 * @throws {ConfigError} when the file is missing, a folder, unreadable, too large, or shrinks while it is read.
 */
export const readBytes = (path: string): Promise<Uint8Array<ArrayBuffer>> =>
  withFile(path, async (file, size) => {
    const bytes = allocate(size, path);
    await readInto(file, bytes, 0, path);
    return bytes;
  });

/** Opens a regular file for `use`, and closes it. */
async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const rethrow = (error: unknown): never => {
    throw readError(path, error);
  };
  // Opening a pipe would wait until somebody writes to it.
  const stats = await stat(path).catch(rethrow);
  if (!stats.isFile())
    throw new ConfigError(`${path}: is ${stats.isDirectory() ? "a folder" : "no regular file"}; name a file`);
  const file = await open(path, "r").catch(rethrow);
  try {
    return await use(file, (await file.stat()).size);
  } catch (error) {
    throw error instanceof ConfigError || !("code" in Object(error)) ? error : readError(path, error);
  } finally {
    await file.close();
  }
}

/** Fills `bytes` from byte `from` of a file on. */
async function readInto(file: FileHandle, bytes: Uint8Array, from: number, path: string): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(chunk, bytes.length - at), from + at);
    if (bytesRead === 0)
      throw new ConfigError(`${path}: ends at byte ${from + at}; it changed while being read, try again`);
    at += bytesRead;
  }
}

function allocate(size: number, path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new ConfigError(
      `${path}: ${size} bytes, more than one array holds here; split the file, or store it as float16`,
      { cause },
    );
  }
}

/**
 * Writes a file whole or not at all: under a temporary name beside it, to disk, then renamed. Makes its folder. Links are
 * followed; a pipe or a device is written through.
 * @throws {ConfigError} when the folder or the file cannot be written; whatever was there before stays.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeThroughOrWhole(path, content);
  } catch (error) {
    throw writeError(path, error);
  }
}
