import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { identityModel } from "./identity.ts";

const require = createRequire(import.meta.url);

/** The folder of the onnxruntime-node package. */
export const ortFolder = (): string => dirname(require.resolve("onnxruntime-node/package.json"));

/** What came of trying a provider: `error` is ONNX Runtime's message, `log` what it wrote to stderr. */
export type Probe =
  | { readonly ok: true; readonly log?: string }
  | { readonly ok: false; readonly error: string; readonly log: string };

/** Opens a session on one node and runs it. Plain JavaScript, because another process gets it as text. */
const script = `
const ort = require(process.argv[1]);
const options = { executionProviders: [process.argv[2]], extra: { session: { disable_cpu_ep_fallback: "1" } } };
ort.InferenceSession.create(Buffer.from(process.argv[3], "base64"), options)
  .then((session) => session.run({ x: new ort.Tensor("float32", Float32Array.of(1.5), [1]) }))
  .then(({ y }) => {
    if (y.data[0] !== 1.5) throw new Error("gave " + y.data[0] + " for 1.5");
    process.stdout.write("ok", () => process.exit(0));
  })
  .catch((error) => process.stdout.write(String(error.message), () => process.exit(1)));
`;

/**
 * Tries a provider with one small run, in a process of its own: ONNX Runtime writes the cause of a failure only to stderr, and a
 * broken driver may end the process. Gives up after `seconds` (default 20). `env` adds environment variables.
 */
export async function probe(
  provider: string,
  { seconds = 20, env = {} }: { seconds?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<Probe> {
  const model = Buffer.from(identityModel()).toString("base64");
  const { code, out, err, end } = await inProcess(["-e", script, join(ortFolder()), provider, model], { seconds, env });
  if (code === 0 && out === "ok") return { ok: true, log: err };
  return { ok: false, error: out || `the process ended early (${end})`, log: err };
}

/** What came of a process. */
export interface Ended {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** How it ended, in words. */
  readonly end: string;
}

/** Runs Node with these arguments in another process, which may crash or hang. After `seconds` it is ended. */
export function inProcess(
  args: readonly string[],
  { seconds, env = {} }: { seconds: number; env?: Readonly<Record<string, string>> },
): Promise<Ended> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err, late] = ["", "", false];
  child.stdout.on("data", (part) => (out += part));
  child.stderr.on("data", (part) => (err += part));
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, seconds * 1000);
  return new Promise((resolve) => {
    const ended = (code: number | null, end: string) => {
      clearTimeout(timer);
      resolve({ code, out, err, end });
    };
    child.on("error", ({ message }) => ended(null, message));
    child.on("close", (code, signal) =>
      ended(code, late ? `no answer in ${seconds} seconds` : signal ? `ended by ${signal}` : `exit code ${code}`),
    );
  });
}

/** The last line of a log that says what went wrong, without time, colours and ONNX Runtime's source location. */
export function lastWords({ error, log }: { error: string; log: string }): string {
  const lines = stripVTControlCharacters(log)
    .split("\n")
    .map((line) =>
      line
        .replace(/^\S+ \S+ \[\w:\w+:[^\]]*\] /, "")
        .replace(/^.*\[ONNXRuntimeError\] : \d+ : \w+ : /, "")
        .trim(),
    )
    .filter((line) => /error|fail|cannot|insufficient|invalid/i.test(line));
  return (lines.at(-1) ?? error).replace(/\s+/g, " ").slice(0, 400);
}
