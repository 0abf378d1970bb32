import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readBytes } from "../data/files.node.ts";
import { ConfigError } from "../util/errors.ts";
import type { Format, SourceFiles } from "./format.ts";
import { readFormats } from "./index.ts";

const isText = (need: string | RegExp): need is string => typeof need === "string";

/** The names of files that formats need or may have. */
const namesOf = ({ needs, mayHave = [] }: Format) => [...needs.filter(isText), ...mayHave];

/** Formats whose needs are files of a folder. */
const ofFolders = readFormats.filter(({ needs }) => needs.every(isText));

/** Files of a training, which lie beside its SAEs and are none. */
const besides = /^(optimizer|lr_scheduler|rank|state|trainer_state)(_?\d+)?(_state)?\.pt$/;

/** An SAE of dictionary_learning during its training; its settings lie in the folder above. */
const stepFile = /(?:^|[/\\])ae_\d+\.pt$/;

/**
 * The files of a source that some format reads; of one that is a folder of SAEs, the ways to them. A file that is one of several of its
 * format stands for its folder. @throws {ConfigError} when the path or one of its files cannot be read.
 */
export async function readSource(path: string): Promise<SourceFiles> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder) {
    const isPart = ofFolders.some((one) => namesOf(one).length > 1 && one.needs.includes(basename(path)));
    if (isPart) return readSource(dirname(path));
    const config =
      stepFile.test(path) && (await readBytes(join(dirname(path), "../config.json")).catch(() => undefined));
    if (config)
      return {
        path,
        files: new Map([
          ["ae.pt", await readBytes(path)],
          ["config.json", config],
        ]),
      };
    return { path, files: new Map([[basename(path), await readBytes(path)]]) };
  }
  const names = await readdir(path).catch((cause) => {
    throw new ConfigError(`${path}: cannot read the folder, ${cause.message}`);
  });
  const hasAll = await Promise.all(ofFolders.map(({ needs }) => meets(path, names, needs.filter(isText))));
  if (!hasAll.includes(true)) return { path, files: new Map(), within: await saesWithin(path) };
  const known = new Set(ofFolders.flatMap((one, i) => (hasAll[i] ? namesOf(one) : [])));
  const files = new Map<string, Uint8Array>();
  for (const name of [...known].sort()) {
    // What it may have need not be there; where it is, it must be readable.
    if (name.startsWith("../") || !(await meets(path, names, [name]))) continue;
    files.set(name, await readBytes(join(path, name)));
  }
  for (const name of [...known].filter((one) => one.startsWith("../"))) {
    const beside = await readBytes(join(path, name)).catch(() => undefined);
    if (beside) files.set(name, beside);
  }
  return { path, files };
}

/** Whether a folder of these names has all of some files, which may lie in folders of it. */
async function meets(path: string, names: readonly string[], needs: readonly string[]): Promise<boolean> {
  for (const need of needs) {
    const [first, ...rest] = need.split("/") as [string, ...string[]];
    if (!names.includes(first)) return false;
    if (rest.length > 0 && !(await stat(join(path, need)).catch(() => undefined))) return false;
  }
  return true;
}

/** Most folders looked into, and levels of them: Gemma Scope's SAEs are three deep in a release. */
const [mostFolders, deepest] = [5000, 4];

/** The folders and files under a path that are SAEs of some format, each as the way to it. */
async function saesWithin(path: string): Promise<string[]> {
  const found: string[] = [];
  let open = [""];
  let seen = 0;
  for (let level = 0; level <= deepest && seen < mostFolders; level++) {
    const next: string[] = [];
    for (const folder of open.slice(0, mostFolders - seen)) {
      seen++;
      const entries = await readdir(join(path, folder), { withFileTypes: true }).catch(() => []);
      const names = entries.map(({ name }) => name);
      const isSae = await Promise.all(
        ofFolders.map(({ needs }) => meets(join(path, folder), names, needs.filter(isText))),
      );
      if (folder !== "" && isSae.includes(true)) {
        found.push(folder);
        continue;
      }
      const files = entries.filter((one) => one.isFile() && one.name.endsWith(".pt") && !besides.test(one.name));
      found.push(...files.map(({ name }) => join(folder, name)));
      next.push(...entries.flatMap((one) => (one.isDirectory() ? [join(folder, one.name)] : [])));
    }
    open = next;
  }
  const { compare } = new Intl.Collator("en", { numeric: true });
  return found.sort(compare);
}
