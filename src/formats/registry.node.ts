/** @file SAEs by name: `hf:owner/repo/path` on the Hugging Face Hub, and `saelens:RELEASE/ID` by SAELens's list of releases. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { type Origin, originOf } from "../checkpoint/origin.ts";
import { writeWhole } from "../data/files.node.ts";
import { fetchOnce, filesOnHub, type HubFile, hubFile, isFile, kept } from "../data/hub.node.ts";
import { ConfigError } from "../util/errors.ts";
import type { SourceFiles } from "./format.ts";
import { readFormats } from "./index.ts";
import { readJson } from "./json.ts";
import { readSource } from "./source.node.ts";

type Say = (text: string) => void;

/** One SAE of a release: where it lies if not at prefix + id, its number on Neuronpedia, what its inputs were multiplied by. */
const sae = z.object({
  path: z.string().optional(),
  neuronpedia: z.string().optional(),
  factor: z.number().optional(),
});
const release = z.object({
  ...{ repo: z.string(), model: z.string(), loader: z.string(), prefix: z.string().default("") },
  /** Settings that stand in place of those of cfg.json. */
  instead: z.record(z.string(), z.string()).optional(),
  saes: z.record(z.string(), sae).optional(),
});
/** SAELens's list, which test/python/releases.py makes. */
const schema = z.object({ source: z.string(), date: z.string(), releases: z.record(z.string(), release) });

/** Whether a path names an SAE that is elsewhere. */
export const isNamed = (path: string): boolean => /^(hf|saelens):/.test(path);

/**
 * The files of a named SAE, fetched where they are not on this machine yet.
 * @throws {ConfigError} when there is no such name (with the nearest there is), or the Hub cannot be reached.
 */
export const namedSource = async (name: string, say: Say): Promise<SourceFiles> =>
  name.startsWith("saelens:") ? ofRelease(name, say) : onHub(hubFile(name), say);

async function ofRelease(name: string, say: Say): Promise<SourceFiles> {
  const { source, date, releases } = schema.parse(
    JSON.parse(await readFile(new URL("./releases.json", import.meta.url), "utf8")),
  );
  const [of, ...rest] = name.slice("saelens:".length).split("/") as [string, ...string[]];
  const id = rest.join("/");
  const list = `${source}, of ${date}`;
  const found = Object.hasOwn(releases, of) ? releases[of]! : undefined;
  if (!found)
    throw new ConfigError(
      `${name}: no release ${of} in the list (${list}); nearest: ${closest(of, Object.keys(releases))}`,
    );
  if (!found.saes)
    throw new ConfigError(
      `${name}: SAELens reads release ${of} by its loader ${found.loader}, a format that is not imported; load it there and save it`,
    );
  const one = Object.hasOwn(found.saes, id) ? found.saes[id]! : undefined;
  if (!one)
    throw new ConfigError(
      `${name}: no ${id === "" ? "id given" : id} in release ${of} (${list}); ${id === "" ? "the first" : "nearest"}: saelens:${of}/${id === "" ? Object.keys(found.saes)[0] : closest(id, Object.keys(found.saes))}`,
    );
  const path = one.path ?? found.prefix + id;
  const given = await onHub(hubFile(`hf:${found.repo}/${path}`), say);
  const known = originOf({ model: found.model, release: of, id, neuronpedia_id: one.neuronpedia });
  return corrected(given, known, found.instead, one.factor);
}

/** The files with what the list says instead of them; its factor is for files that say that there is one, as SAELens does it. */
function corrected(
  source: SourceFiles,
  known: Origin | null,
  instead: Readonly<Record<string, string>> = {},
  factor?: number,
): SourceFiles {
  if (!source.files.has("cfg.json")) return { ...source, known };
  const cfg = { ...readJson(source, "cfg.json", z.looseObject({})), ...instead };
  const files = new Map(source.files).set("cfg.json", new TextEncoder().encode(JSON.stringify(cfg)));
  const takes = "normalize_activations" in cfg && cfg.normalize_activations === "expected_average_only_in";
  return { ...source, files, known, normFactor: takes ? factor : undefined };
}

/** Files that an SAE's folder may have, and single files that are SAEs. */
const folderFiles = new Set(
  readFormats.flatMap(({ needs, mayHave = [] }) => [...needs, ...mayHave].filter((one) => typeof one === "string")),
);
const single = /\.(pt|npz)$/;

async function onHub(file: HubFile, say: Say): Promise<SourceFiles> {
  const { given, path = "" } = file;
  const folder = join(kept(file), path);
  // What is read says where it comes from by the Hub's names.
  const named = (source: SourceFiles): SourceFiles => ({ ...source, path: given });
  if (single.test(path)) {
    const local = await fetchOnce(file, path, folder, say);
    if (!local) throw new ConfigError(`${given}: the repository has no ${path}; check the path`);
    return named(await readSource(local));
  }
  const complete = join(folder, ".complete");
  if (!(await isFile(complete))) await fetchFolder(file, path, folder, say);
  return named(await readSource(folder));
}

/** Fetches what a folder has of an SAE's files. */
async function fetchFolder(file: HubFile, path: string, folder: string, say: Say): Promise<void> {
  const { given, repo } = file;
  const prefix = path === "" ? "" : `${path.replace(/\/$/, "")}/`;
  const all = await filesOnHub(file, path === "" ? undefined : path.replace(/\/$/, ""));
  const own = all.map((one) => (one.startsWith(prefix) ? one.slice(prefix.length) : one));
  const wanted = own.filter((one) => folderFiles.has(one));
  if (!readFormats.some(({ needs }) => needs.every((need) => typeof need === "string" && own.includes(need)))) {
    const within = own.filter((one) => single.test(one) || folderFiles.has(basename(one)));
    const some = [...new Set(within.map((one) => (single.test(one) ? one : one.replace(/\/?[^/]*$/, ""))))];
    throw new ConfigError(
      some.length === 0
        ? `${given}: no SAE of a format that is imported; check the path`
        : `${given}: ${some.length} SAEs are in it; name one, such as hf:${repo}/${prefix}${some[0]}`,
    );
  }
  for (const one of wanted) await fetchOnce(file, prefix + one, join(folder, one), say);
  await writeWhole(join(folder, ".complete"), "");
}
