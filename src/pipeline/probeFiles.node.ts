import { basename } from "node:path";
import { readLabelled, writeWhole } from "../data/files.node.ts";
import { type LabelledRows, readLabelledShards } from "../data/shards/labelled.node.ts";
import { shardPaths } from "../data/shards/shardSet.node.ts";
import { parseWhere, type Where } from "../data/where.ts";
import { readModel } from "../export/files.node.ts";
import type { ProbeFile } from "../probe/file.ts";
import { columnIn, columnOf, labelColumn } from "../probe/label.ts";
import { type ProbeRun, probe } from "../probe/probe.ts";
import { modelName } from "../record/measured.ts";
import { type ProviderName, usableRuntime } from "../runtime/providers.node.ts";
import { checkCounts, checkSeed } from "../util/counts.ts";

/** What to probe for, and in which files. */
export interface ProbeFiles {
  /** A file of activations, a folder of shards, or a list of them separated by commas. */
  readonly data: string;
  readonly tensor?: string | undefined;
  /** Only rows whose columns have these values, such as `position=1..5`. */
  readonly where?: string | undefined;
  /** A column, or a question of one: `labelColumn` says which. */
  readonly label: string;
  /** The column whose equal values must stay on one side; default: `text_id` where there is one, else every row stands for itself. */
  readonly groups?: string | undefined;
  /** How many folds, or the column that says which; default 5. */
  readonly folds?: string | undefined;
  readonly models?: readonly string[];
  readonly seed?: number;
  readonly provider?: ProviderName | undefined;
  readonly threads?: number | undefined;
  /** Where to write the results; nowhere by default. */
  readonly out?: string | undefined;
  readonly onProbe?: ((what: string) => void) | undefined;
}

/** Probes for a label in files. @throws {ConfigError} when something is missing or does not fit; then nothing is written. */
export async function probeFiles({
  data,
  tensor,
  where,
  label,
  models = [],
  seed = 0,
  ...given
}: ProbeFiles): Promise<ProbeFile> {
  checkSeed(seed);
  checkCounts({ threads: given.threads });
  const isCount = given.folds === undefined || /^-?\d+(\.\d+)?$/.test(given.folds);
  const names = [columnIn(label), label, given.groups ?? "text_id", ...(isCount ? [] : [given.folds!])];
  const { activations, columns, source } = await readRows(data, { tensor, where: parseWhere(where), names });
  const by = given.groups ?? (Object.hasOwn(columns, "text_id") ? "text_id" : undefined);
  const column = (flag: string, name: string) => columnOf(columns, name, { flag, file: source });
  const run: ProbeRun = {
    ...{ activations, seed, threads: given.threads, onProbe: given.onProbe },
    label: labelColumn(columns, label, source, activations.dims[0]!),
    groups: by === undefined ? undefined : column("--groups", by),
    folds: isCount ? Number(given.folds ?? 5) : column("--folds", given.folds!),
    names: { label, groups: by, source, ...(isCount ? {} : { folds: given.folds! }) },
  };
  const runtime = await usableRuntime(given.provider ?? "cpu");
  const named = models.map(async (file) => ({ name: modelName(basename(file)), model: await readModel(file) }));
  const file = await probe(runtime, { ...run, models: await Promise.all(named) });
  if (given.out !== undefined) await writeWhole(given.out, `${JSON.stringify(file, null, 2)}\n`);
  return file;
}

/** All rows of a file, or of shards. */
async function readRows(
  data: string,
  options: { readonly tensor: string | undefined; readonly where: Where; readonly names: readonly string[] },
): Promise<LabelledRows> {
  const paths = await shardPaths(data);
  const [path] = paths as [string];
  if (paths.length > 1) return readLabelledShards(paths, { ...options, source: data.includes(path) ? path : data });
  const { set, columns } = await readLabelled(path, options);
  return { activations: set.activations, columns, source: set.source };
}
