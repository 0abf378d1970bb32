/** @file The folder of a sweep: `sweep.json` says which sweep it is, a folder for each group holds its SAEs and its metrics file. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../data/files.node.ts";
import { locked } from "../../data/lock.node.ts";
import { parseJson } from "../../record/json.ts";
import { ConfigError } from "../../util/errors.ts";
import { readIfThere } from "../existing.node.ts";
import { sealSuffix } from "../grid/seal.node.ts";

const schema = z.object({
  version: z.literal(1),
  /** First part of all names. */
  name: z.string(),
  /** What was asked for: two sweeps are the same where this is. */
  config: z.record(z.string(), z.unknown()),
  data: z.array(z.object({ file: z.string(), bytes: z.number() })),
  groups: z.array(
    z.object({
      name: z.string().regex(/^[^/\\\\]+$/),
      values: z.record(z.string(), z.union([z.number(), z.string()])),
      rows: z.int(),
    }),
  ),
  /** Names of the SAEs of a group, behind the group's own. */
  saes: z.array(z.string()),
});

/** What `sweep.json` says. */
export type SweepFile = z.infer<typeof schema>;

const sweepPath = (out: string): string => join(out, "sweep.json");

/** The folder of a group's SAEs, and the first part of their names. */
export const folderOfGroup = (out: string, group: string): string => join(out, group);
export const prefixOf = (name: string, group: string): string => (group === "all" ? name : `${name}_${group}`);

/** @throws {ConfigError} when a folder holds no sweep. */
export async function readSweep(out: string): Promise<SweepFile> {
  const found = await sweepIn(out);
  if (!found)
    throw new ConfigError(
      `${out}: holds no sweep, sweep.json is missing; name the folder that sae-onnx sweep wrote to`,
    );
  return found;
}

/** Whether a folder is a sweep's. */
export const isSweep = async (out: string): Promise<boolean> => (await sweepIn(out)) !== undefined;

async function sweepIn(out: string): Promise<SweepFile | undefined> {
  const path = sweepPath(out);
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const parsed = schema.safeParse(parseJson(new TextDecoder().decode(bytes), path));
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0]!;
  throw new ConfigError(
    `${path}: ${at.join(".")}: ${message}; it is damaged: remove it, and give the same command again`,
  );
}

/**
 * Makes a folder a sweep's, or finds that it is this one's already.
 * @throws {ConfigError} when it is another's, and when it cannot be written.
 */
export async function claimFolder(out: string, sweep: SweepFile): Promise<void> {
  const text = `${JSON.stringify(sweep, null, 1)}\n`;
  await locked(sweepPath(out), async () => {
    const before = await sweepIn(out);
    if (!before) return writeWhole(sweepPath(out), text);
    const wanted = schema.parse(JSON.parse(text));
    const difference = differenceOf(before, wanted);
    if (difference !== undefined)
      throw new ConfigError(
        `${out}: holds another sweep (${difference}); use another --out, or the same configuration`,
      );
  });
}

/** What two sweeps differ in, in words; nothing where they are the same. */
function differenceOf(before: SweepFile, wanted: SweepFile): string | undefined {
  const config = differing(before.config, wanted.config, "");
  if (config !== undefined) return config;
  for (const part of ["name", "data", "groups", "saes"] as const)
    if (JSON.stringify(before[part]) !== JSON.stringify(wanted[part]))
      return part === "data" ? "its data files had other sizes" : `its ${part} were others`;
  return undefined;
}

/** The first value that differs, and where it stands. */
function differing(before: unknown, wanted: unknown, path: string): string | undefined {
  if (JSON.stringify(before) === JSON.stringify(wanted)) return undefined;
  const short = (value: unknown) => (JSON.stringify(value) ?? "not given").slice(0, 60);
  if (!isObject(before) || !isObject(wanted)) return `${path} was ${short(before)}, is ${short(wanted)}`;
  for (const key of Object.keys({ ...before, ...wanted })) {
    const found = differing(before[key], wanted[key], path === "" ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return `the order of ${path || "its keys"} is another`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Does the work of one process on a sweep; a second one for the same part is refused. */
export async function alone<T>(out: string, part: string, work: () => Promise<T>): Promise<T> {
  return (await locked(join(out, part), work, { patience: 0 })) as T;
}

/** Names of all SAEs of a sweep that are sealed; one reading of each folder, no file is opened. */
export async function sealedNames(
  out: string,
  { groups }: Pick<SweepFile, "groups">,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const { name } of groups) {
    const names = await readdir(folderOfGroup(out, name)).catch((): string[] => []);
    found.set(
      name,
      new Set(names.filter((one) => one.endsWith(sealSuffix)).map((one) => one.slice(0, -sealSuffix.length))),
    );
  }
  return found;
}

/** The metrics files of a sweep's groups that are there. @throws {ConfigError} when there is none yet. */
export async function metricsOfSweep(out: string): Promise<readonly string[]> {
  const { name, groups } = await readSweep(out);
  const found: string[] = [];
  for (const group of groups) {
    const folder = folderOfGroup(out, group.name);
    const file = `${prefixOf(name, group.name)}.metrics.json`;
    if ((await readdir(folder).catch((): string[] => [])).includes(file)) found.push(join(folder, file));
  }
  if (found.length > 0) return found;
  throw new ConfigError(
    `${out}: no SAE of this sweep is finished yet; sae-onnx sweep status ${out} says how far it is`,
  );
}
