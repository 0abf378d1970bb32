/** @file Files on the Hugging Face Hub: fetched once into a folder of this machine, then read from there. */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { ConfigError, isExpected } from "../util/errors.ts";
import { writeError } from "../util/fileErrors.ts";
import { replaceWith } from "./replace.node.ts";

/** A file of a repository: `hf:owner/name`, `hf:owner/name@revision`, `hf:owner/name/onnx/model_q4.onnx`. */
export interface HubFile {
  readonly given: string;
  readonly repo: string;
  readonly revision: string;
  readonly path: string | undefined;
}

const address = () => process.env.HF_ENDPOINT ?? "https://huggingface.co";

/** The folder that fetched files are kept in. */
export const hubCache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "sae-onnx", "hub");

/** The folder of this machine that a repository's files are kept in. */
export const kept = ({ repo, revision }: HubFile): string => join(hubCache(), ...repo.split("/"), revision);

/** What `hf:...` names. @throws {ConfigError} when it names nothing. */
export function hubFile(given: string): HubFile {
  const [, repo, revision = "main", path] = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w.-]+))?(?:\/(.+))?$/.exec(given) ?? [];
  if (repo === undefined || [repo, revision, path ?? ""].some((part) => part.split("/").includes("..")))
    throw new ConfigError(`${given}: write hf:owner/name, hf:owner/name@revision or hf:owner/name/path/in/it`);
  return { given, repo, revision, path };
}

export const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isFile() ?? false;

/** Every file of a repository below a folder of it. @throws {ConfigError} when the repository is not there, or the Hub cannot be reached. */
export async function filesOnHub(file: HubFile, folder?: string): Promise<string[]> {
  const { listFiles } = await import("@huggingface/hub");
  const found: string[] = [];
  try {
    const where = folder === undefined ? {} : { path: folder };
    for await (const { path, type } of listFiles({ ...asked(file), ...where, recursive: true }))
      if (type === "file") found.push(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw failure(file, "what it holds", error);
  }
  return found;
}

/** The file on this machine; `undefined` where the repository has none. */
export async function fetchOnce(
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
  Object(error).statusCode === 404 && /entry|does not exist on/i.test(`${Object(error).message}`);

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
    `${given}: cannot fetch ${path} from ${address()} (${why}), and it is not in ${hubCache()}; get online, or name a file of this machine`,
  );
}
