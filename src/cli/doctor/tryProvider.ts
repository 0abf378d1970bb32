import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

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
export function tryProvider(provider: string, { seconds = 60, child = childFile } = {}): Promise<Tried> {
  return new Promise((resolve) => {
    const process = spawn("node", [child.pathname, provider], { stdio: ["ignore", "pipe", "pipe"] });
    let [out, err, late] = ["", "", false];
    process.stdout.on("data", (text) => (out += text));
    process.stderr.on("data", (text) => (err += text));
    const timer = setTimeout(() => {
      late = true;
      process.kill("SIGKILL");
    }, seconds * 1000);
    const not = (why: string) => resolve({ provider, usable: false, why, device: null });
    process.on("error", (error) => not(error.message));
    process.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ provider, usable: true, ...JSON.parse(out) });
      else if (late) not(`no answer in ${seconds} seconds`);
      else not(signal ? `its process ended by ${signal}` : reason(err) || `exit code ${code}`);
    });
  });
}

/** ONNX Runtime names the library that is missing on stderr only; the error thrown says less. */
function reason(stderr: string): string {
  const text = stripVTControlCharacters(stderr);
  const missing = /Failed to load library \S+ with error: (?:\S*\/)?(\S+: .*)/.exec(text)?.[1];
  const last = text.trim().split("\n").at(-1) ?? "";
  // Without the place in ONNX Runtime's own source and the condition that was not met there.
  return (missing ?? last.replace(/^\/\S+:\d+ .* was false\. /, "")).trim();
}
