import { basename, dirname, join } from "node:path";
import { readBytes, readInput, writeWhole } from "../data/files.node.ts";
import { externalLocations, joinExternalData } from "../onnx/external.ts";
import { decodeModel, packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { dataFile } from "./dataFiles.node.ts";
import type { Frozen } from "./vectors/vectors.ts";

/** Writes a model; weights past 1.5 GB go to `NAME.onnx.data` beside it, which is written first. */
export async function writeModel(path: string, model: Model): Promise<void> {
  const { bytes, external } = packModel(model, { dataFile: `${basename(path)}.data` });
  for (const { path: name, data } of external) await writeWhole(join(dirname(path), name), data);
  await writeWhole(path, bytes);
}

/** Where the verification vectors of a model lie: `NAME.parity.safetensors` beside `NAME.onnx`. */
export const vectorsPath = (model: string): string => `${model.replace(/\.onnx$/, "")}.parity.safetensors`;

/** Writes a frozen part with its verification vectors beside it; they come first, so that no model lacks the vectors it names. */
export async function writeFrozen(path: string, { model, vectors }: Frozen): Promise<void> {
  await writeWhole(vectorsPath(path), vectors);
  await writeModel(path, model);
}

/** Reads a model with its external data. @throws {ConfigError} when a file is missing or none of it is ONNX. */
export async function readModel(path: string): Promise<Model> {
  const model = decodeModel(await readInput(path), path);
  const locations = externalLocations(model, path);
  if (locations.length === 0) return model;
  const files = new Map<string, Uint8Array>();
  for (const location of locations) {
    const file = await dataFile(path, location);
    const bytes = await readBytes(file);
    checkNotMistaken(bytes, file);
    files.set(location, bytes);
  }
  return joinExternalData(model, files, path);
}
