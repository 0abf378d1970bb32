import { stripVTControlCharacters } from "node:util";
import { inProcess } from "../../runtime/probe.node.ts";

/** Whether a provider works here, and why not. */
export interface Tried {
  readonly provider: string;
  readonly usable: boolean;
  readonly why: string;
  /** The GPU it ran on, where it is known. */
  readonly device: string | null;
}

/** The child runs built JavaScript, also when this file itself is run from source. */
const childFile = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/cli/doctor/child.js" : "./child.js",
  import.meta.url,
);

/** Tries a provider in a process of its own, which may crash or hang: it is ended after `seconds` (default 60). */
export async function tryProvider(provider: string, { seconds = 60, child = childFile } = {}): Promise<Tried> {
  const { code, out, err, end } = await inProcess([child.pathname, provider], { seconds });
  if (code === 0) return { provider, usable: true, ...JSON.parse(out) };
  return { provider, usable: false, why: (code !== null && reason(err)) || end, device: null };
}

/** ONNX Runtime names the library that is missing on stderr only; the error thrown says less. */
function reason(stderr: string): string {
  const text = stripVTControlCharacters(stderr);
  const missing = /Failed to load library \S+ with error: (?:\S*\/)?(\S+: .*)/.exec(text)?.[1];
  const last = text.trim().split("\n").at(-1) ?? "";
  // Without the place in ONNX Runtime's own source and the condition that was not met there.
  return (missing ?? last.replace(/^\/\S+:\d+ .* was false\. /, "")).trim();
}
