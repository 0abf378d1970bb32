import { ConfigError } from "../util/errors.ts";
import { wrongAnswer } from "./answer.ts";

/** The source of each worker where this file is part of a single-file build; undefined elsewhere. */
declare const SAE_ONNX_WORKERS: Readonly<Record<BrowserProvider, string>> | undefined;

/** What a browser can compute on. */
export type BrowserProvider = "webgpu" | "wasm";

/** Where workers come from, when it is not where a bundler or the single file puts them. */
export interface WorkerFiles {
  /** Folder (ending in `/`) of `wasm.js` and `webgpu.js`: the package's dist/worker, or what a bundler made of `sae-onnx/worker/wasm`. */
  readonly workerPath?: string | undefined;
  /** Starts the worker of a provider in a way of the page's own. */
  readonly startWorker?: ((provider: BrowserProvider) => Worker) | undefined;
}

/** A name of its own: `new URL` with `import.meta.url` itself is what bundlers look for. */
const here = import.meta.url;
const addressOf = (path: string, base = location.href): string => new URL(path, base).href;

/**
 * A worker of its own for a provider, and the address of its file as far as it is known: from where the options say; from the file
 * beside this one; or, in a single-file build, from its own text.
 * @throws {ConfigError} when the browser refuses to start it.
 */
export function startWorker(
  provider: BrowserProvider,
  { workerPath, startWorker }: WorkerFiles = {},
): { readonly worker: Worker; readonly file?: string } {
  if (startWorker) return { worker: startWorker(provider) };
  const file =
    workerPath === undefined ? addressOf(`./${provider}.js`, here) : addressOf(`${workerPath}${provider}.js`);
  try {
    return { worker: workerPath === undefined ? ownWorker(provider) : new Worker(file, { type: "module" }), file };
  } catch (cause) {
    throw new ConfigError(`${fileOf(provider)} cannot be started (${(cause as Error).message}); ${advice}`, { cause });
  }
}

function ownWorker(provider: BrowserProvider): Worker {
  if (typeof SAE_ONNX_WORKERS !== "undefined" && SAE_ONNX_WORKERS) {
    // A worker may not be of another origin than its page; a Blob is of the page's.
    const url = URL.createObjectURL(new Blob([SAE_ONNX_WORKERS[provider]], { type: "text/javascript" }));
    return new Worker(url, { type: "module" });
  }
  // In development Vite up to 7 serves this file from .vite/deps, and the workers from where they are.
  const moved = here.replace(/\.vite\/deps\/.*/, `sae-onnx/dist/worker/${provider}.js`);
  if (moved !== here) return new Worker(moved, { type: "module" });
  // Written out, one by one: bundlers look for just this form.
  return provider === "webgpu"
    ? new Worker(new URL("./webgpu.js", import.meta.url), { type: "module" })
    : new Worker(new URL("./wasm.js", import.meta.url), { type: "module" });
}

const fileOf = (provider: BrowserProvider): string =>
  `the worker's file ${provider}.js (sae-onnx/dist/worker/${provider}.js)`;
const advice = "put it there, or say where it is with the option workerPath or startWorker";

/** Why a worker's file could not be loaded: the browser itself says nothing. */
export async function whyNotLoaded(provider: BrowserProvider, file: string | undefined): Promise<string> {
  const what = fileOf(provider);
  if (file === undefined || !/^https?:/.test(file)) return `${what} could not be loaded; ${advice}`;
  const found = await answerOf(file, /javascript/);
  return found === undefined
    ? `${file} could not be loaded, or failed at once`
    : `${what} is not at ${file}: ${found}; ${advice}`;
}

/** What is wrong with a server's answer for a file; undefined when nothing is. */
async function answerOf(file: string, type: RegExp): Promise<string | undefined> {
  const response = await fetch(file).catch(() => undefined);
  if (!response) return "it cannot be fetched";
  return wrongAnswer(response, type);
}

/** Where ONNX Runtime's files are when nothing is said: undefined leaves it to the bundler. */
export const defaultWasmPath = (): string | undefined =>
  typeof SAE_ONNX_WORKERS === "undefined" ? undefined : addressOf("./", here);

/** What to compute on, and why: WebGPU where the browser has an adapter, else WebAssembly. */
export async function chooseProvider(): Promise<{ provider: BrowserProvider; note: string }> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter) return { provider: "webgpu", note: "WebGPU" };
  const why = gpu ? "the browser has WebGPU but no graphics adapter for it" : "this browser has no WebGPU";
  return { provider: "wasm", note: `WebAssembly, as ${why}` };
}
