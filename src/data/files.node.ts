import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../util/errors.ts";
import { readError, writeError } from "../util/fileErrors.ts";
import { type ActivationSet, type ArrayFile, activationSetOf, parseArrays } from "./activations.ts";
import { readTexts } from "./columns.ts";
import { type Label, labelColumns, labelsPath, parseLabels } from "./labels.ts";
import { isPt, readPtActivations } from "./ptActivations.ts";
import { writeThroughOrWhole } from "./replace.node.ts";
import { type Column, matchingRows, rowsWhere, type Where } from "./where.ts";

/**
 * The activation set in a .safetensors, .npz, .npy or .pt file; see `parseActivations`. `where` keeps the rows whose columns
 * have these values; of a .pt file no others are read. Columns of text are those of a .npz or .pt file, and labels beside the others.
 * @throws {ConfigError} when the file cannot be read, or is not what it should be.
 */
export async function readActivations(
  path: string,
  { tensor, where = {} }: { readonly tensor?: string | undefined; readonly where?: Where | undefined } = {},
): Promise<ActivationSet> {
  const piped = await isPipe(path);
  if (/\.pt$/i.test(path) && !piped)
    return withFile(path, async (file, size) => {
      const read = async (from: number, into: Uint8Array) => {
        await readInto(file, into, from, path);
        return into;
      };
      return readPtActivations({ size, read }, path, where, tensor);
    });
  const bytes = await readInput(path);
  if (piped && isPt(bytes, path)) {
    const read = async (from: number, into: Uint8Array) => {
      into.set(bytes.subarray(from, from + into.length));
      return into;
    };
    return readPtActivations({ size: bytes.length, read }, path, where, tensor);
  }
  const file = parseArrays(bytes, path);
  const set = activationSetOf(file, path, { tensor });
  return rowsWhere(set, where, await otherColumns(set, file, Object.keys(where), path));
}

/**
 * The activation set of `readActivations`, and beside it all columns of these names that its file, or the labels beside it, have; those there
 * are by name, where one of them is not there. Of a .pt file, what its set has.
 * @throws {ConfigError} as `readActivations`.
 */
export async function readLabelled(
  path: string,
  {
    tensor,
    where = {},
    names,
  }: { readonly tensor?: string | undefined; readonly where?: Where | undefined; readonly names: readonly string[] },
): Promise<{ readonly set: ActivationSet; readonly columns: Readonly<Record<string, Column>> }> {
  if (/\.pt$/i.test(path) || (await isPipe(path))) {
    const set = await readActivations(path, { tensor, where });
    return { set, columns: set.columns };
  }
  const file = parseArrays(await readBytes(path), path);
  const whole = activationSetOf(file, path, { tensor });
  const asked = [...Object.keys(where), ...names];
  const all = { ...(await otherColumns(whole, file, asked, path)), ...whole.columns };
  const set = rowsWhere(whole, where, all);
  if (set === whole) return { set, columns: all };
  const rows = matchingRows(all, where, whole.activations.dims[0]!, whole.source);
  const kept = Object.entries(all).map(([name, column]) => [name, Array.from(rows, (row) => column[row]!)] as const);
  return { set, columns: Object.fromEntries(kept) as Record<string, Column> };
}

/** Columns that conditions name and the set has not: texts of the file, and what the labels beside it say of each row. */
async function otherColumns(set: ActivationSet, { tensors }: ArrayFile, names: readonly string[], path: string) {
  const rows = set.activations.dims[0]!;
  const texts = new Map<string, Column>();
  const unknown = names.filter((name) => !Object.hasOwn(set.columns, name));
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

/** Whether a path leads to a pipe, as `<(command)` and `/dev/stdin` behind `|` do. */
export const isPipe = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isFIFO() ?? false;

/** The files of a folder whose names end like this, in their order; `undefined` where a path leads to no folder. */
export async function filesIn(path: string, ending: string): Promise<readonly string[] | undefined> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) return undefined;
  const names = await readdir(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  const found = names.filter((name) => name.endsWith(ending));
  return found.sort(new Intl.Collator("en", { numeric: true }).compare).map((name) => join(path, name));
}

/** Most bytes that are taken from a pipe, whose size is not known beforehand. */
const mostPiped = 2 ** 31;

/**
 * All bytes of a file, or of what comes through a pipe until it ends: of what somebody gives to be read.
 * @throws {ConfigError} as `readBytes`, and when more than 2 GiB come through a pipe.
 */
export async function readInput(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!(await isPipe(path))) return readBytes(path);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      parts.push(part);
      size += part.length;
      if (size > mostPiped)
        throw new ConfigError(`${path}: more than ${mostPiped} bytes come through this pipe; write them to a file`);
    }
  } catch (error) {
    throw error instanceof ConfigError ? error : readError(path, error);
  }
  const bytes = allocate(size, path);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

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
