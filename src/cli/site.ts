import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import send from "send";
import { writeWhole } from "../data/files.node.ts";
import { labelsPath } from "../data/labels.ts";
import { ConfigError } from "../util/errors.ts";
import { readError } from "../util/fileErrors.ts";

/** What the page is served with: a folder of frozen models, and activations, each with its labels beside it where there are some. */
export interface SiteFiles {
  readonly models: string;
  readonly data: readonly string[];
}

/** The built page: beside this file once built, under dist/ when run from source. */
const pageFolder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/web" : "../web", import.meta.url),
);

/** ONNX Runtime's .wasm files, as the page's workers ask for them: they are onnxruntime-web's, not part of this package. */
function wasmFiles(): [address: string, path: string][] {
  const { resolve } = createRequire(import.meta.url);
  return ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"].map((name) => {
    try {
      return [`assets/${name}`, resolve(`onnxruntime-web/${name}`)];
    } catch (cause) {
      throw new ConfigError(
        "the page computes with the package onnxruntime-web, which is not installed; npm install onnxruntime-web",
        { cause },
      );
    }
  });
}

/** Files the page may fetch besides itself, by address; nothing else of the disk is served. */
async function offered({ models, data }: SiteFiles): Promise<Map<string, string>> {
  if (!existsSync(join(pageFolder, "index.html")))
    throw new ConfigError(`${pageFolder}: the page is not built; in a clone, npm run build:page builds it`);
  const files = new Map(wasmFiles());
  for (const path of data) {
    if (!existsSync(path)) throw new ConfigError(`${path}: no such file; name activations with --data`);
    files.set(`data/${basename(path)}`, path);
    const labels = labelsPath(path);
    if (existsSync(labels)) files.set(`data/${basename(labels)}`, labels);
  }
  const names = await readdir(models).catch((cause) => {
    if (cause.code !== "ENOENT") throw readError(models, cause);
    throw new ConfigError(`${models}: no such folder; name the one with your frozen models with --models`);
  });
  for (const name of names.filter((one) => one.endsWith(".autoencoder.onnx")).sort(byNumbers))
    files.set(`models/${name}`, join(models, name));
  const reads = names.filter((one) => one.endsWith(".onnx") && !parts.test(one)).sort(byNumbers)[0];
  if (reads !== undefined && names.includes("tokenizer.json"))
    for (const name of [reads, "tokenizer.json"]) files.set(`texts/${name}`, join(models, name));
  return files;
}

/** Frozen parts of SAEs; another .onnx beside a tokenizer.json is a language model. */
const parts = /\.(autoencoder|encoder|decoder|evaluator)\.onnx$/;

/** sae_d512_k5 before sae_d512_k10 before sae_d1024_k5. */
const byNumbers = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });

const encoded = (address: string) => address.split("/").map(encodeURIComponent).join("/");

function catalog(files: ReadonlyMap<string, string>): string {
  const addresses = [...files.keys()];
  const entry = (address: string) => ({ name: basename(address), url: encoded(address) });
  const data = addresses
    .filter((address) => address.startsWith("data/") && !address.endsWith(".jsonl"))
    .map((address) => {
      const labels = labelsPath(address);
      return { ...entry(address), ...(files.has(labels) ? { labels: encoded(labels) } : {}) };
    });
  const [model, tokenizer] = addresses.filter((a) => a.startsWith("texts/")).map(encoded);
  const texts = model && tokenizer ? { texts: { model, tokenizer } } : {};
  return `${JSON.stringify({ data, models: addresses.filter((a) => a.startsWith("models/")).map(entry), ...texts }, null, 1)}\n`;
}

/**
 * Writes the page with its files into a folder, for any static host; gives how many models are in it.
 * @throws {ConfigError} when the page is not built, or a file is missing.
 */
export async function writeSite(files: SiteFiles, out: string): Promise<number> {
  const all = await offered(files);
  await cp(pageFolder, out, { recursive: true });
  await mkdir(join(out, "data"), { recursive: true });
  await mkdir(join(out, "models"), { recursive: true });
  await mkdir(join(out, "texts"), { recursive: true });
  for (const [address, path] of all) await copyFile(path, join(out, address));
  await writeWhole(join(out, "catalog.json"), catalog(all));
  return [...all.keys()].filter((address) => address.startsWith("models/")).length;
}

/**
 * Headers of every answer: cross-origin isolation, for threads; and nothing may be fetched from elsewhere. `unsafe-eval` is for
 * vega, which makes functions of a figure's expressions: the charts' own, never a file's.
 */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'self'; connect-src 'self' blob: data:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-eval' blob:; worker-src 'self' blob:; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
};

/**
 * A server of the page on 127.0.0.1 and no other address. Models and data are read again at each request of the page.
 * @throws {ConfigError} when the page is not built, a file is missing, or the port is taken.
 */
export async function serveSite(files: SiteFiles, port: number): Promise<Server> {
  await offered(files);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const refuse = (status: number): void => void response.writeHead(status).end();
    // A page elsewhere that had its name point here would be of another host.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(request.headers.host ?? "")) return refuse(403);
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(405);
    answer(files, request, response).catch(() => refuse(500));
    return undefined;
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new ConfigError(`port ${port} of 127.0.0.1 is taken; choose another with --port`, { cause: error })
          : error,
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

/** Answers with the list, a file it names, or one of the page's own. */
async function answer(files: SiteFiles, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = decoded(request.url ?? "/");
  if (address === undefined) return void response.writeHead(404).end();
  const listed =
    address === "catalog.json" || /^(models|data|texts)\/|\.wasm$/.test(address) ? await offered(files) : undefined;
  if (listed && address === "catalog.json") {
    response.setHeader("Content-Type", "application/json");
    response.end(catalog(listed));
    return;
  }
  const path = listed?.get(address);
  if (path) sendFile(request, response, dirname(resolve(path)), basename(path));
  else sendFile(request, response, pageFolder, address);
}

/** Sends a file of a folder, or the part of it that is asked for; it is closed also when the other side leaves early. */
function sendFile(request: IncomingMessage, response: ServerResponse, root: string, name: string): void {
  const given = { root, dotfiles: "allow", cacheControl: false } as const;
  send(request, `/${encoded(name)}`, given)
    .on("error", ({ status }: { status?: number }) => {
      const known = status === 412 || status === 416 ? status : 404;
      if (response.headersSent) response.destroy();
      else response.writeHead(known).end();
    })
    .on("directory", () => void response.writeHead(404).end())
    .pipe(response);
}

/** A request's address without its query; `undefined` where it is no text. */
function decoded(url: string): string | undefined {
  try {
    return decodeURIComponent(url.slice(1).split("?")[0]!);
  } catch {
    return undefined;
  }
}
