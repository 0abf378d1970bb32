import { constants } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readBytes, writeWhole } from "../../data/files.node.ts";
import { dataFilesOf } from "../../onnx/external.ts";
import { decodeModel, largestMessage } from "../../onnx/model.ts";
import { ConfigError } from "../../util/errors.ts";
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
    if (resolve(path) === resolve(out))
      throw new ConfigError(`--out ${out}: is the file to read; write to another one, so that it stays as it is`);
  const size = (await sizeOf(model)) ?? 0;
  if (size > largestMessage)
    throw new ConfigError(
      `${model}: ${size} bytes, more than 2 GB fit no ONNX message; save its weights as external data`,
    );
  const bytes = await readBytes(model);
  const locations = dataFilesOf(decodeModel(bytes, model), model);
  const attached = attach({ bytes, file: model }, { model: await readModel(encoder), file: encoder }, options);
  if (locations.some((location) => resolve(dirname(model), location) === resolve(out)))
    throw new ConfigError(`--out ${out}: the model keeps its weights there; write to another file`);
  await carry(locations, dirname(model), dirname(out));
  await writeWhole(out, attached.bytes);
  return attached;
}

/** Copies data files to another folder; those that are there with the same content stay. */
async function carry(locations: readonly string[], from: string, to: string): Promise<void> {
  const copies: [string, string][] = [];
  for (const location of locations) {
    const [source, target] = [join(from, location), join(to, location)];
    const size = await sizeOf(source);
    if (size === undefined)
      throw new ConfigError(`${source}: no such file, the model keeps weights there; put it beside the model`);
    if (resolve(source) === resolve(target)) continue;
    const there = await sizeOf(target);
    if (there === undefined) copies.push([source, target]);
    else if (there !== size || !(await sameContent(source, target)))
      throw new ConfigError(`${target}: is another file than the model's ${source}; write to another folder`);
  }
  for (const [source, target] of copies) await copyWhole(source, target);
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : undefined;
};

/** A copy that is there whole or not at all; blocks are shared where the file system can. */
async function copyWhole(source: string, target: string): Promise<void> {
  const temporary = `${target}.${process.pid}.part`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new ConfigError(`${target}: cannot copy ${source} there, ${(cause as Error).message}`, { cause });
  }
}

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
