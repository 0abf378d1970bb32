/** @file The configuration of a sweep: a JSON or YAML file, or the flags of `train`. */
import { extname } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import type { TrainConfig } from "../config/config.ts";
import { gridConfigs } from "../config/grid.ts";
import { readInput } from "../data/files.node.ts";
import { parseWhere } from "../data/where.ts";
import type { GivenData } from "../pipeline/open.node.ts";
import { stepFor } from "../pipeline/providerStep.ts";
import type { SweepData } from "../pipeline/sweep/groups.node.ts";
import type { ProviderName } from "../runtime/capabilities.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import { architectureFlags, listsOf, trainFlags } from "./trainFlags.ts";
import { suggestion } from "./usage.ts";

/** One kind of SAE and how it is trained, by the names of flags: each value as it would stand on the command line. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** What a sweep is asked for. */
export interface SweepAsked {
  readonly data: SweepData;
  readonly kinds: readonly Settings[];
  readonly out: string;
  readonly name: string;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const settingNames = Object.keys(trainFlags).filter((name) => name !== "seeds");
const words = z.union([z.string(), z.array(z.string()).min(1)]).transform((one) => [one].flat());
const listed = z.union([scalar, z.array(scalar).min(1)]).transform((one) => (Array.isArray(one) ? one.join(",") : one));
const settings = (names: readonly string[]) =>
  z.strictObject(Object.fromEntries(names.map((name) => [name, listed.exactOptional()])));
const schema = z.strictObject({
  data: words,
  tensor: z.string().exactOptional(),
  where: z.string().exactOptional(),
  target: words.exactOptional(),
  "target-tensor": z.string().exactOptional(),
  by: words.transform((all) => all.flatMap((one) => one.split(",").map((part) => part.trim()))).default([]),
  split: z.number().exactOptional(),
  "split-by": z.string().exactOptional(),
  "train-rows": z.int().exactOptional(),
  out: z.string().default("sweep"),
  name: z.string().default("sae"),
  seeds: listed.exactOptional(),
  options: settings(settingNames.filter((name) => name !== "architecture" && name !== "preset")).default({}),
  architectures: z.preprocess((one) => (Array.isArray(one) ? one : [one]), z.array(settings(settingNames)).min(1)),
});

/**
 * The sweep that a file asks for. Keys are the names of flags, with hyphens or underscores.
 * @throws {ConfigError} when the file is neither JSON nor YAML, and for a key that there is not, with the nearest.
 */
export async function readSweepConfig(path: string): Promise<SweepAsked> {
  const text = new TextDecoder().decode(await readInput(path));
  const parsed = schema.safeParse(hyphened(parsedText(text, path)));
  if (!parsed.success) throw new ConfigError(`${path}: ${complaint(parsed.error.issues[0]!)}`);
  const { tensor, where, target, by, split, out, name, seeds, options, architectures } = parsed.data;
  const { data, "target-tensor": targetTensor, "split-by": splitBy, "train-rows": trainRows } = parsed.data;
  const kinds = architectures.map((one) => ({ ...options, ...(seeds === undefined ? {} : { seed: seeds }), ...one }));
  return {
    data: { data, tensor, target, targetTensor, by, split, splitBy, trainRows, where: parseWhere(where) },
    ...{ kinds: kinds as readonly Settings[], out, name },
  };
}

/** Flags of `train` that say what data there are and how they are divided. */
export interface GivenDivided extends Omit<GivenData, "where"> {
  readonly where?: string | undefined;
  readonly by?: string | undefined;
  readonly split?: number | undefined;
  readonly "split-by"?: string | undefined;
  readonly "train-rows"?: number | undefined;
}

/** The data that flags ask for. */
export function dataOf(given: GivenDivided): SweepData {
  const { data, tensor, where, target, "target-tensor": targetTensor, by, split } = given;
  return {
    ...{
      data: [data],
      tensor,
      where: parseWhere(where),
      target: target === undefined ? undefined : [target],
      targetTensor,
    },
    ...{ by: by?.split(",").map((one) => one.trim()) ?? [], split },
    ...{ splitBy: given["split-by"], trainRows: given["train-rows"] },
  };
}

/** The sweep that flags of `train` ask for: one kind of SAE, by groups. */
export function sweepOf(
  given: GivenDivided & { readonly name: string; readonly out: string; readonly [flag: string]: unknown },
): SweepAsked {
  const { seeds, ...rest } = given;
  const kind = Object.entries({ ...rest, ...(seeds === undefined ? {} : { seed: seeds }) }).filter(
    ([name, value]) => settingNames.includes(name) && value !== undefined,
  );
  return { data: dataOf(given), kinds: [Object.fromEntries(kind) as Settings], out: given.out, name: given.name };
}

function parsedText(text: string, path: string): unknown {
  try {
    if (extname(path).toLowerCase() === ".json") return parseSmall(text);
    const document = parseDocument(text, { uniqueKeys: true });
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const [first] = (error as Error).message.split("\n");
    throw new ConfigError(`${path}: ${first!.replace(/:$/, "")}; write JSON or YAML, as docs/sweep.md shows`);
  }
}

const allKeys = new Set([...Object.keys(schema.shape), ...settingNames]);
const hyphens = (key: string) => key.replaceAll("_", "-");

/** Keys with hyphens, as flags have them; those that there are not stay as they were written. */
function hyphened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hyphened);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [allKeys.has(hyphens(key)) ? hyphens(key) : key, hyphened(one)]),
  );
}

type Issue = z.core.$ZodIssue;

/** What is wrong, where, and what to do. */
function complaint(issue: Issue): string {
  const where = issue.path.length > 0 ? `${z.core.toDotPath(issue.path).replace(/\["(.*?)"\]/g, "$1")}: ` : "";
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys as [string];
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : settingNames;
    const written = (name: string) => (key.includes("_") ? name.replaceAll("-", "_") : name);
    const nearest = suggestion(key, known.map(written));
    return `${where}there is no key "${key}"${nearest || `; there are ${known.join(", ")}`}`;
  }
  const part = String(issue.path[0] ?? "");
  const first = issue.code === "invalid_union" ? issue.errors[0]?.[0] : issue;
  const [, received] = /received (\w+)$/.exec(first?.message ?? "") ?? [];
  if (received === "undefined") return `${where}is missing; add it`;
  if (issue.code === "invalid_union")
    return `${where}must be ${["data", "target", "by"].includes(part) ? "a text or a list of texts" : "a word, a number, true or false, or a list of these"}`;
  if (issue.code !== "invalid_type" || received === undefined) return `${where}${issue.message}; correct it`;
  const wanted = issue.expected === "object" ? `keys with values, such as ${example(part)}` : typeWords[issue.expected];
  return `${where}must be ${wanted ?? issue.expected}, got ${typeWords[received] ?? received}; docs/sweep.md shows one`;
}

/** Types in words of people. */
const typeWords: Readonly<Record<string, string>> = {
  ...{ string: "a text", number: "a number", int: "a whole number", boolean: "true or false", array: "a list" },
  ...{ object: "keys with values", null: "nothing" },
};

/** What a part of the file looks like, or the whole of it. */
const example = (part: string): string =>
  ({ architectures: "{ architecture: topk, k: 5 }", options: "{ latent_dim: 512 }" })[part] ?? "data: acts.safetensors";

/**
 * The SAEs of each group: every kind with the product of its lists.
 * @throws {ConfigError} for a value or an option that a kind cannot have.
 */
export function configsOfKinds(
  kinds: readonly Settings[],
  {
    inputDim,
    outputDim,
    provider,
  }: { readonly inputDim: number; readonly outputDim: number | undefined; readonly provider: ProviderName },
): TrainConfig[] {
  return kinds.flatMap((kind) => {
    const given = { architecture: architectureFlags.architecture.default, ...kind };
    const number = (name: string) => (kind[name] === undefined ? undefined : Number(kind[name]));
    try {
      return gridConfigs({
        architecture: String(given.architecture),
        preset: kind.preset === undefined ? undefined : String(kind.preset),
        ...{ inputDim, outputDim, lists: listsOf("sweep", given) },
        shared: {
          step: stepFor(provider, kind.step === undefined ? undefined : String(kind.step)),
          retire: number("retire"),
          calibrate: number("calibrate"),
          shuffleRows: number("shuffle-rows") ?? trainFlags["shuffle-rows"].default,
        },
      });
    } catch (error) {
      if (kinds.length === 1 || !(error instanceof ConfigError)) throw error;
      throw new ConfigError(`${given.architecture}: ${error.message}`);
    }
  });
}
