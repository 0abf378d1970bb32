import type { BrowserSettings } from "../runtime/browser.ts";
import type { ProviderName } from "../runtime/capabilities.ts";
import { checkArguments, oneOf } from "../util/arguments.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import type { CallName, Calls, FromWorker, Loading, Tells, WorkerError } from "./messages.ts";
import {
  type BrowserProvider,
  chooseProvider,
  defaultWasmPath,
  startWorker,
  type WorkerFiles,
  whyNotLoaded,
} from "./start.ts";
import { inWords } from "./words.ts";

export interface WorkerOptions extends BrowserSettings, WorkerFiles {
  /**
   * In a browser `webgpu`, `wasm` or `auto`: WebGPU where there is an adapter, else WebAssembly, as `note` then says. Default `auto`, for
   * `train` `wasm`. In Node any provider; `auto`, the default, is `cpu`.
   */
  readonly provider?: ProviderName | "auto" | undefined;
  /** In a browser: told how much of ONNX Runtime's .wasm file is there; `of` is 0 where its size is not said. */
  readonly onLoading?: ((loading: Loading) => void) | undefined;
}

interface Waiting {
  readonly resolve: (gives: never) => void;
  readonly reject: (error: Error) => void;
  readonly onNews: ((news: never) => void) | undefined;
}

/** A worker that trains, evaluates and encodes, so that its page never waits. Requests are answered in any order. */
export class SaeWorker {
  readonly provider: BrowserProvider;
  /** What it computes on and why, in words. */
  readonly note: string;
  #threads = 1;
  #worker: Worker;
  #waiting = new Map<number, Waiting>();
  #next = 1;
  #heard = performance.now();
  #ended: string | undefined;
  #onLoading: ((loading: Loading) => void) | undefined;

  private constructor({ worker, file }: ReturnType<typeof startWorker>, provider: BrowserProvider, note: string) {
    this.#worker = worker;
    this.provider = provider;
    this.note = note;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    worker.onerror = async (event) => {
      if (event.message) this.#fail(`the worker stopped (${event.message}); try again, or reload the page`);
      else this.#fail(await whyNotLoaded(provider, file));
    };
  }

  /**
   * Starts a worker.
   * @throws {ConfigError} when `webgpu` was asked for and the browser has none. @throws {RuntimeFailure} when a file is missing.
   */
  static async start({
    provider = "auto",
    threads,
    wasmPath = defaultWasmPath(),
    onLoading,
    ...files
  }: WorkerOptions = {}): Promise<SaeWorker> {
    if (typeof Worker === "undefined")
      throw new ConfigError(
        'sae-onnx/browser computes in a Web Worker, and there are none here; in Node import "sae-onnx" or "sae-onnx/node"',
      );
    checkArguments("a browser", { "options.provider": [provider, oneOf(["auto", "webgpu", "wasm"])] });
    const found = provider === "wasm" ? undefined : await chooseProvider();
    if (provider === "webgpu" && found?.provider !== "webgpu")
      throw new ConfigError(
        `provider webgpu: no graphics adapter that WebGPU can use; choose wasm, or turn on WebGPU in the browser's settings`,
      );
    const chosen = found ?? { provider: "wasm" as const, note: "WebAssembly, as asked" };
    const worker = new SaeWorker(startWorker(chosen.provider, files), chosen.provider, chosen.note);
    worker.#onLoading = onLoading;
    const opened = await worker.call("open", {
      // The worker's own address may be a Blob's, which nothing is relative to.
      wasmPath: wasmPath === undefined ? undefined : new URL(wasmPath, location.href).href,
      threads,
    });
    worker.#threads = opened.threads;
    return worker;
  }

  /** Threads inside an op; 1 on WebGPU and where the page is not cross-origin isolated. */
  get threads(): number {
    return this.#threads;
  }

  /** Seconds for which something was asked and no word came; 0 where nothing is asked. It goes on while a long run is computed. */
  get silence(): number {
    return this.#waiting.size === 0 ? 0 : (performance.now() - this.#heard) / 1000;
  }

  /** Asks for something; `onNews` hears how it goes on. */
  call<N extends CallName>(
    call: N,
    takes: Calls[N]["takes"],
    onNews?: (news: Tells<N>) => void,
  ): Promise<Calls[N]["gives"]> {
    if (this.#ended !== undefined) return Promise.reject(new RuntimeFailure(this.#ended));
    const id = this.#next++;
    if (this.#waiting.size === 0) this.#heard = performance.now();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (gives: never) => void, reject, onNews });
      this.#worker.postMessage({ id, call, takes });
    });
  }

  /** Ends it at once; what was asked for fails. */
  close(): void {
    this.#worker.terminate();
    this.#fail("the worker was closed");
  }

  #receive(message: FromWorker): void {
    this.#heard = performance.now();
    if ("loading" in message) {
      this.#onLoading?.(message.loading);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if ("news" in message) {
      waiting.onNews?.(message.news as never);
      return;
    }
    this.#waiting.delete(message.id);
    if ("error" in message) waiting.reject(revive(message.error));
    else waiting.resolve(message.gives as never);
  }

  #fail(message: string): void {
    this.#ended ??= message;
    for (const { reject } of this.#waiting.values()) reject(new RuntimeFailure(message));
    this.#waiting.clear();
  }
}

/** Errors lose their class on the way between threads; what memory and devices say is put into words. */
function revive({ name, message, stack, progress }: WorkerError): Error {
  const error =
    name === "ConfigError" || name === "ShapeError" ? new ConfigError(message) : new RuntimeFailure(inWords(message));
  if (stack !== undefined) error.stack = stack;
  return progress ? Object.assign(error, { progress }) : error;
}
