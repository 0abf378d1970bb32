import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { lacking, python } from "../../test/python/python.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const every = ["ort", "portable", "compat"];

/** Every runtime, by name: the script beside this file that runs it, what it needs of Python's packages, and the targets that are for it. */
export const runtimes = {
  "onnxruntime-node": { command: ["node", "onnxruntime-node.mjs"], targets: every },
  "onnxruntime-node-1.14": { command: ["node", "onnxruntime-node.mjs", "onnxruntime-node-1.14"], targets: every },
  "onnxruntime-web": { command: ["node", "onnxruntime-web.mjs"], targets: every },
  "python-onnxruntime": {
    command: [python, "python_onnxruntime.py"],
    packages: ["numpy", "onnxruntime"],
    targets: every,
  },
  "jax-js": { command: ["node", "jax-js.mjs"], targets: ["portable", "compat"] },
  // Debian's, an old one: such are what the target is for.
  opencv: { command: ["/usr/bin/python3", "opencv.py"], targets: ["compat"] },
  onnxjs: { command: ["node", "onnxjs.mjs"], targets: ["compat"] },
};

const arrays = { float32: Float32Array, int64: BigInt64Array };

/** A runtime in a process of its own; `missing` says why there is none. */
export async function start(name, folder) {
  const [command, script, ...args] = runtimes[name].command;
  const lack = lacking(...(runtimes[name].packages ?? []));
  if (lack) return { key: name, name, missing: lack, close() {} };
  const child = spawn(command, [join(here, script), ...args], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise((resolve) => {
    child.on("error", ({ message }) => resolve({ ended: message }));
    child.on("exit", (code, signal) => resolve({ ended: `its process ended (${signal ?? code})` }));
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value } = await Promise.race([lines.next(), ended.then(() => lines.next())]);
    return value === undefined ? { ...(await ended) } : JSON.parse(value);
  };
  const first = await next();
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  return {
    key: name,
    name: first.name ?? name,
    missing: first.missing ?? first.ended,
    /** The outputs of a model, by name, or why there are none. */
    async run(job) {
      child.stdin.write(`${JSON.stringify({ ...job, folder: own })}\n`);
      const { outputs, refused, ended } = await next();
      if (!outputs) return { refused: refused ?? ended };
      const found = {};
      for (const [output, { dtype, dims }] of Object.entries(outputs)) {
        const bytes = new Uint8Array(readFileSync(join(own, output)));
        found[output] = { dtype, dims, data: new arrays[dtype](bytes.buffer) };
      }
      return { outputs: found };
    },
    close: () => child.stdin.end(),
  };
}

/** What the onnx package's checker says of each file: `ok`, or what is bad; `missing` where it is not installed. */
export function checked(files) {
  const missing = lacking("onnx");
  if (missing) return { missing };
  const probe = spawnSync(python, ["-c", "import onnx; print(onnx.__version__)"], { encoding: "utf8" });
  const { stdout } = spawnSync(python, [join(here, "../../test/python/check_onnx.py"), ...files], { encoding: "utf8" });
  const said = stdout.trim().split("\n");
  return {
    name: `onnx ${probe.stdout.trim()} checker`,
    said: files.map((file) => said.find((line) => line.includes(file)) ?? "no answer"),
  };
}
