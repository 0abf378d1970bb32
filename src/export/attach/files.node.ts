import { constants } from "node:fs";
import { copyFile, mkdtemp, open, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { destinationOf } from "../../data/destination.node.ts";
import { readBytes, writeWhole } from "../../data/files.node.ts";
import { quote } from "../../data/quote.ts";
import { replaceWith } from "../../data/replace.node.ts";
import { type DataPart, dataPartsOf } from "../../onnx/external.ts";
import { decodeModel, largestMessage } from "../../onnx/model.ts";
import { ConfigError, isExpected } from "../../util/errors.ts";
import { writeError } from "../../util/fileErrors.ts";
import { dataFile, isInside } from "../dataFiles.node.ts";
import { readModel } from "../files.node.ts";
import { type Attached, type AttachOptions, attach } from "./attach.ts";

/** The files of an attachment. */
export interface AttachPaths {
  readonly model: string;
  readonly encoder: string;
  readonly out: string;
}

/** Loads the model in a file, with the weights beside it. Throws where a runtime refuses it. */
export type LoadModel = (path: string) => Promise<void>;

/**
 * As `attach`, on files. Weights the model keeps in other files stay there, and are copied along when `out` is in another
 * folder. With `load` the new model is loaded before it has its name: where that fails nothing is written.
 * @throws {ConfigError} also where `out` is one of the inputs, a data file is missing or cut short, or another file is in its place.
 */
export async function attachFiles(
  { model, encoder, out }: AttachPaths,
  options: AttachOptions,
  load: LoadModel = async () => {},
): Promise<Attached> {
  for (const path of [model, encoder])
    if (await isSameFile(path, out))
      throw new ConfigError(`--out ${out}: is the file to read; write to another one, so that it stays as it is`);
  const size = (await sizeOf(model)) ?? 0;
  if (size > largestMessage)
    throw new ConfigError(
      `${model}: ${size} bytes, more than 2 GB fit no ONNX message; save its weights as external data`,
    );
  const bytes = await readBytes(model);
  const parts = dataPartsOf(decodeModel(bytes, model), model);
  const attached = attach({ bytes, file: model }, { model: await readModel(encoder), file: encoder }, options);
  const files = new Map<string, string>();
  for (const { location } of parts) files.set(location, await dataFile(model, location));
  for (const path of files.values())
    if (await isSameFile(path, out))
      throw new ConfigError(`--out ${out}: the model keeps its weights there; write to another file`);
  await checkWhole(parts, files);
  if (parts.length > 0 && (await destinationOf(out).catch(() => undefined))?.through)
    throw new ConfigError(
      `--out ${out}: is a pipe or a device, and the model's weights are in other files; name a file`,
    );
  const copied = await carry(files, dirname(out));
  try {
    await writeLoaded(out, attached.bytes, load);
  } catch (error) {
    for (const path of copied) await rm(path, { force: true });
    throw error;
  }
  return attached;
}

/** Writes a model once it was loaded from where it will be; for a pipe or a device, from a folder of its own. */
async function writeLoaded(out: string, bytes: Uint8Array, load: LoadModel): Promise<void> {
  const destination = await destinationOf(out).catch((error) => {
    throw writeError(out, error);
  });
  if (destination.through) {
    const folder = await mkdtemp(join(tmpdir(), "sae-onnx-"));
    try {
      await writeFile(join(folder, "model.onnx"), bytes);
      await load(join(folder, "model.onnx"));
    } finally {
      await rm(folder, { recursive: true });
    }
    return writeWhole(out, bytes);
  }
  await replaceWith(out, async (temporary) => {
    await writeFile(temporary, bytes);
    await load(temporary);
  }).catch((error) => {
    throw isExpected(error) ? error : writeError(out, error);
  });
}

/** @throws {ConfigError} where a data file ends before a tensor in it does. */
async function checkWhole(parts: readonly DataPart[], files: ReadonlyMap<string, string>): Promise<void> {
  const sizes = new Map<string, number>();
  for (const [location, path] of files) {
    const size = await sizeOf(path);
    if (size === undefined)
      throw new ConfigError(`${path}: no such file, the model keeps weights there; put it beside the model`);
    sizes.set(location, size);
  }
  for (const { location, tensor, from, to } of parts)
    if (!(from >= 0 && from <= to && to <= sizes.get(location)!))
      throw new ConfigError(
        `${files.get(location)}: cut short, it has ${sizes.get(location)} bytes, tensor ${quote(tensor)} is bytes ${from} to ${to} of it; get the file again`,
      );
}

/** Copies data files, by their location, to another folder; those that are there with the same content stay. Gives what is new. */
async function carry(files: ReadonlyMap<string, string>, to: string): Promise<string[]> {
  const copies: [string, string][] = [];
  for (const [location, source] of files) {
    const target = join(to, location);
    const size = await sizeOf(source);
    const there = await sizeOf(target);
    if (there !== undefined && !isInside(await realpath(target), await realpath(to)))
      throw new ConfigError(
        `${target}: is a link out of the folder of --out, which ONNX Runtime does not follow; write to another folder`,
      );
    if (await isSameFile(source, target)) continue;
    if (there === undefined) copies.push([source, target]);
    else if (there !== size || !(await sameContent(source, target)))
      throw new ConfigError(`${target}: is another file than the model's ${source}; write to another folder`);
  }
  // Blocks are shared where the file system can.
  for (const [source, target] of copies)
    await replaceWith(target, (temporary) => copyFile(source, temporary, constants.COPYFILE_FICLONE)).catch((error) => {
      throw writeError(target, error);
    });
  return copies.map(([, target]) => target);
}

/** Whether two paths lead to one place, also by links. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  if (resolve(one) === resolve(other)) return true;
  const [a, b] = [await stat(one).catch(() => undefined), await stat(other).catch(() => undefined)];
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : undefined;
};

/** Whether two files of one size hold the same bytes; read piece by piece. */
async function sameContent(one: string, other: string): Promise<boolean> {
  const files = [await open(one), await open(other)] as const;
  try {
    const [a, b] = [Buffer.alloc(2 ** 22), Buffer.alloc(2 ** 22)];
    for (let at = 0; ; ) {
      const [first, second] = [await files[0].read(a, 0, a.length, at), await files[1].read(b, 0, b.length, at)];
      if (first.bytesRead !== second.bytesRead) return false;
      if (first.bytesRead === 0) return true;
      if (a.compare(b, 0, first.bytesRead, 0, first.bytesRead) !== 0) return false;
      at += first.bytesRead;
    }
  } finally {
    for (const file of files) await file.close();
  }
}
