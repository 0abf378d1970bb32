/** @file Language models on the Hugging Face Hub: fetched once into a folder of this machine, then read from there. */
import { dirname, join } from "node:path";
import { readBytes } from "../data/files.node.ts";
import { fetchOnce, filesOnHub, type HubFile, hubFile, isFile, kept } from "../data/hub.node.ts";
import { dataPartsOf } from "../onnx/external.ts";
import { decodeModel } from "../onnx/model.ts";
import { ConfigError } from "../util/errors.ts";

/** Where exporters put a model in its repository. */
const usualModels = ["onnx/model.onnx", "model.onnx", "onnx/decoder_model.onnx"];
const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];

/**
 * The path of a model: of `hf:owner/name` that of the file on this machine, fetched where it is not there yet, with its weights and its
 * tokenizer. What is there is not asked for again.
 * @throws {ConfigError} when the name is none, there is no such file, or the Hub cannot be reached.
 */
export async function localModel(given: string, say: (text: string) => void = () => {}): Promise<string> {
  if (!given.startsWith("hf:")) return given;
  const file = hubFile(given);
  const folder = kept(file);
  const path = file.path ?? (await knownModel(folder)) ?? (await modelIn(file));
  const fetched = (own: string) => fetchOnce(file, own, join(folder, own), say);
  const model = await fetched(path);
  if (!model)
    throw new ConfigError(`${given}: the repository has no ${path}; name a file: hf:${file.repo}/onnx/model.onnx`);
  for (const location of new Set(
    dataPartsOf(decodeModel(await readBytes(model), model), model).map((one) => one.location),
  ))
    if (!(await fetched(join(dirname(path), location))))
      throw new ConfigError(`${given}: the repository has no ${location}, where the model keeps weights`);
  // A repository need not have them: ids may be given.
  if (!(await isFile(join(folder, tokenizerFiles[0]!)))) for (const own of tokenizerFiles) await fetched(own);
  return model;
}

async function knownModel(folder: string): Promise<string | undefined> {
  for (const path of usualModels) if (await isFile(join(folder, path))) return path;
  return undefined;
}

/** The model of a repository, by the places it usually has. */
async function modelIn(file: HubFile): Promise<string> {
  const found = (await filesOnHub(file)).filter((path) => path.endsWith(".onnx"));
  const usual = usualModels.find((path) => found.includes(path));
  if (usual !== undefined) return usual;
  const some = found.slice(0, 8).join(", ");
  throw new ConfigError(
    `${file.given}: ${found.length === 0 ? "no .onnx file in this repository" : `which of ${some}? name one: hf:${file.repo}/${found[0]}`}`,
  );
}
