/** The source of each worker where this file is part of a single-file build; undefined elsewhere. */
declare const SAE_ONNX_WORKERS: Readonly<Record<BrowserProvider, string>> | undefined;

/** What a browser can compute on. */
export type BrowserProvider = "webgpu" | "wasm";

/** A worker of its own for a provider: from the file beside this one, or, in a single-file build, from its own text. */
export function startWorker(provider: BrowserProvider): Worker {
  if (typeof SAE_ONNX_WORKERS !== "undefined" && SAE_ONNX_WORKERS) {
    // A worker may not be of another origin than its page; a Blob is of the page's.
    const url = URL.createObjectURL(new Blob([SAE_ONNX_WORKERS[provider]], { type: "text/javascript" }));
    return new Worker(url, { type: "module" });
  }
  // In development Vite up to 7 serves this file from .vite/deps, and the workers from where they are.
  const moved = import.meta.url.replace(/\.vite\/deps\/.*/, `sae-onnx/dist/worker/${provider}.js`);
  if (moved !== import.meta.url) return new Worker(moved, { type: "module" });
  // Written out, one by one: bundlers look for just this form.
  return provider === "webgpu"
    ? new Worker(new URL("./webgpu.js", import.meta.url), { type: "module" })
    : new Worker(new URL("./wasm.js", import.meta.url), { type: "module" });
}

/** Where ONNX Runtime's files are when nothing is said: undefined leaves it to the bundler. */
export const defaultWasmPath = (): string | undefined =>
  typeof SAE_ONNX_WORKERS === "undefined" ? undefined : new URL(/* @vite-ignore */ "./", import.meta.url).href;

/** What to compute on, and why: WebGPU where the browser has an adapter, else WebAssembly. */
export async function chooseProvider(): Promise<{ provider: BrowserProvider; note: string }> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter) return { provider: "webgpu", note: "WebGPU" };
  const why = gpu ? "the browser has WebGPU but no graphics adapter for it" : "this browser has no WebGPU";
  return { provider: "wasm", note: `WebAssembly, as ${why}` };
}
