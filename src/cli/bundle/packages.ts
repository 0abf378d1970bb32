/** @file Which packages a program needs to run, where they lie, and which of their files. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { ConfigError } from "../../util/errors.ts";

/** A package, and where it goes below the program's own folder. */
export interface Needed {
  readonly from: string;
  readonly to: string;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/**
 * The production dependencies of a package, and theirs, as they are installed. Optional ones that are not installed, or are for another
 * system than Linux with glibc on x64, are left out.
 * @throws {ConfigError} for one that is missing.
 */
export function neededPackages(root: string): readonly Needed[] {
  const found = new Map<string, Needed>();
  const visit = (folder: string) => {
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const from = folderOf(name, folder);
      const isOptional = Object.hasOwn(optionalDependencies, name);
      if (from === undefined && isOptional) continue;
      if (from === undefined)
        throw new ConfigError(`${folder}: its package ${name} is not installed; run npm ci, then bundle again`);
      if (found.has(from) || (isOptional && !isForHere(manifestOf(from)))) continue;
      found.set(from, { from, to: placeOf(from, root) });
      visit(from);
    }
  };
  visit(root);
  return [...found.values()];
}

/** Where a package is found from a folder, as Node looks for it. */
function folderOf(name: string, folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const here = join(at, "node_modules", name);
    if (existsSync(join(here, "package.json"))) return here;
    if (dirname(at) === at) return undefined;
  }
}

/** Its place: below the program's node_modules as it is below its own, or below those of the folder that the program is installed in. */
function placeOf(from: string, root: string): string {
  const inside = relative(root, from);
  if (!inside.startsWith("..")) return inside;
  return from.slice(from.indexOf(`${sep}node_modules${sep}`) + 1);
}

const isForHere = ({ os, cpu, libc }: Manifest): boolean =>
  (os?.includes("linux") ?? true) && (cpu?.includes("x64") ?? true) && (libc?.includes("glibc") ?? true);

/** Whether a file of a package is needed where the program runs: no types, maps, other systems' libraries and other providers. */
export function isNeeded(path: string, provider: "cpu" | "cuda"): boolean {
  if (/libonnxruntime_providers_/.test(path) && !(provider === "cuda" && /_(cuda|shared)\.so$/.test(path)))
    return false;
  if (/\.(map|d\.[cm]?ts|tsbuildinfo)$/.test(path)) return false;
  const [, system, cpu] = /[\\/]bin[\\/]napi-v\d+[\\/](\w+)[\\/]?(\w+)?/.exec(path) ?? [];
  return (system === undefined || system === "linux") && (cpu === undefined || cpu === "x64");
}
