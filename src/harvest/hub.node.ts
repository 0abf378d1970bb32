/** @file Models on the Hugging Face Hub: fetched once into a folder of this machine, then read from there. */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { readBytes } from "../data/files.node.ts";
import { replaceWith } from "../data/replace.node.ts";
import { dataPartsOf } from "../onnx/external.ts";
import { decodeModel } from "../onnx/model.ts";
import { ConfigError, isExpected } from "../util/errors.ts";
import { writeError } from "../util/fileErrors.ts";

/** A file of a repository: `hf:owner/name`, `hf:owner/name@revision`, `hf:owner/name/onnx/model_q4.onnx`. */
interface HubFile {
  readonly given: string;
  readonly repo: string;
  readonly revision: string;
  readonly path: string | undefined;
}

/** Where exporters put a model in its repository. */
const usualModels = ["onnx/model.onnx", "model.onnx", "onnx/decoder_model.onnx"];
const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];

const address = () => process.env.HF_ENDPOINT ?? "https://huggingface.co";

/** The folder that fetched files are kept in. */
export const hubCache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "sae-onnx", "hub");

/**
 * The path of a model: of `hf:owner/name` that of the file on this machine, fetched where it is not there yet, with its weights and its
 * tokenizer. What is there is not asked for again.
 * @throws {ConfigError} when the name is none, there is no such file, or the Hub cannot be reached.
 */
export async function localModel(given: string, say: (text: string) => void = () => {}): Promise<string> {
  if (!given.startsWith("hf:")) return given;
  const file = parse(given);
  const folder = join(hubCache(), ...file.repo.split("/"), file.revision);
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

function parse(given: string): HubFile {
  const [, repo, revision = "main", path] = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w.-]+))?(?:\/(.+))?$/.exec(given) ?? [];
  if (repo === undefined || [repo, revision, path ?? ""].some((part) => part.split("/").includes("..")))
    throw new ConfigError(`${given}: write hf:owner/name, hf:owner/name@revision or hf:owner/name/onnx/model.onnx`);
  return { given, repo, revision, path };
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isFile() ?? false;

async function knownModel(folder: string): Promise<string | undefined> {
  for (const path of usualModels) if (await isFile(join(folder, path))) return path;
  return undefined;
}

/** The model of a repository, by the places it usually has. */
async function modelIn(file: HubFile): Promise<string> {
  const { listFiles } = await import("@huggingface/hub");
  const found: string[] = [];
  try {
    for await (const { path } of listFiles({ ...asked(file), recursive: true }))
      if (path.endsWith(".onnx")) found.push(path);
  } catch (error) {
    throw failure(file, "what it holds", error);
  }
  const usual = usualModels.find((path) => found.includes(path));
  if (usual !== undefined) return usual;
  const some = found.slice(0, 8).join(", ");
  throw new ConfigError(
    `${file.given}: ${found.length === 0 ? "no .onnx file in this repository" : `which of ${some}? name one: hf:${file.repo}/${found[0]}`}`,
  );
}

/** The file on this machine; `undefined` where the repository has none. */
async function fetchOnce(
  file: HubFile,
  path: string,
  to: string,
  say: (text: string) => void,
): Promise<string | undefined> {
  if (await isFile(to)) return to;
  const { downloadFile } = await import("@huggingface/hub");
  try {
    const blob = await downloadFile({ ...asked(file), path });
    if (!blob) return undefined;
    say(`${file.given}: fetching ${path} (${(blob.size / 1e6).toFixed(1)} MB)`);
    await replaceWith(to, (temporary) =>
      pipeline(Readable.fromWeb(blob.stream() as unknown as ReadableStream), createWriteStream(temporary)),
    );
    return to;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw failure(file, path, error, to);
  }
}

const asked = ({ repo, revision }: HubFile) => ({
  ...{ repo: { type: "model" as const, name: repo }, revision, hubUrl: address() },
  ...(process.env.HF_TOKEN ? { accessToken: process.env.HF_TOKEN } : {}),
});

const isMissing = (error: unknown): boolean =>
  Object(error).statusCode === 404 && /entry/i.test(`${Object(error).message}`);

function failure({ given, repo }: HubFile, path: string, error: unknown, to?: string): Error {
  if (isExpected(error)) return error as Error;
  const { statusCode, cause, code, message } = Object(error);
  if (statusCode === 401 || statusCode === 403 || statusCode === 404)
    return new ConfigError(
      `${given}: ${address()} has no repository ${repo}, or it is private; check the name, or set HF_TOKEN`,
    );
  if (code !== undefined && to !== undefined && cause === undefined) return writeError(to, error);
  const why = cause?.code ?? (statusCode === undefined ? message : `status ${statusCode}`);
  return new ConfigError(
    `${given}: cannot fetch ${path} from ${address()} (${why}), and it is not in ${hubCache()}; get online, or name a local .onnx`,
  );
}
