import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The Python of the environment that `npm run python` makes: what compares with Python's packages uses no other. */
export const python = fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

const requirements = ["requirements.txt", "alone.txt"]
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .join("\n");
const pinned = new Map([...requirements.matchAll(/^([\w-]+)==(\S+)$/gm)].map(([, name, version]) => [name, version]));

/** Prints the version of each package, or an empty line. */
const script = `
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try: print(version(name))
    except PackageNotFoundError: print()
`;

/** Which of some packages the environment has not in the version of requirements.txt or alone.txt, and what to do; empty where it has all. */
export function lacking(...packages) {
  const strange = packages.find((name) => !pinned.has(name));
  if (strange !== undefined) throw new Error(`${strange} is not in test/python/requirements.txt or alone.txt`);
  if (packages.length > 0 && !existsSync(python)) return `there is no ${python}; npm run python makes it`;
  const { stdout } = spawnSync(python, ["-Ic", script, ...packages], { encoding: "utf8" });
  const versions = (stdout ?? "").split("\n");
  const absent = packages.filter((name, i) => versions[i] !== pinned.get(name));
  if (absent.length === 0) return "";
  return `.venv lacks ${absent.map((name) => `${name} ${pinned.get(name)}`).join(", ")}; npm run python installs it`;
}
