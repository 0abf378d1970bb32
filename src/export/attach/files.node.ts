import { constants } from "node:fs";
import { copyFile, open, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readBytes, writeWhole } from "../../data/files.node.ts";
import { replaceWith } from "../../data/replace.node.ts";
import { dataFilesOf } from "../../onnx/external.ts";
import { decodeModel, largestMessage } from "../../onnx/model.ts";
import { ConfigError } from "../../util/errors.ts";
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

/**
 * As `attach`, on files. Weights the model keeps in other files stay there, and are copied along when `out` is in another
 * folder; they are never loaded.
 * @throws {ConfigError} also where `out` is one of the inputs, a data file is missing, or another file is in its place.
 */
export async function attachFiles({ model, encoder, out }: AttachPaths, options: AttachOptions): Promise<Attached> {
  for (const path of [model, encoder])
    if (await isSameFile(path, out))
      throw new ConfigError(`--out ${out}: is the file to read; write to another one, so that it stays as it is`);
  const size = (await sizeOf(model)) ?? 0;
  if (size > largestMessage)
    throw new ConfigError(
      `${model}: ${size} bytes, more than 2 GB fit no ONNX message; save its weights as external data`,
    );
  const bytes = await readBytes(model);
  const locations = dataFilesOf(decodeModel(bytes, model), model);
  const attached = attach({ bytes, file: model }, { model: await readModel(encoder), file: encoder }, options);
  const files = new Map<string, string>();
  for (const location of locations) files.set(location, await dataFile(model, location));
  for (const path of files.values())
    if (await isSameFile(path, out))
      throw new ConfigError(`--out ${out}: the model keeps its weights there; write to another file`);
  await carry(files, dirname(out));
  await writeWhole(out, attached.bytes);
  return attached;
}

/** Copies data files, by their location, to another folder; those that are there with the same content stay. */
async function carry(files: ReadonlyMap<string, string>, to: string): Promise<void> {
  const copies: [string, string][] = [];
  for (const [location, source] of files) {
    const target = join(to, location);
    const size = await sizeOf(source);
    if (size === undefined)
      throw new ConfigError(`${source}: no such file, the model keeps weights there; put it beside the model`);
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
