import { basename, dirname, join, resolve } from "node:path";
import { readBytes, readInput, writeWhole } from "../data/files.node.ts";
import { locked } from "../data/lock.node.ts";
import { withChance } from "../evaluate/chance/withChance.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { withTruth } from "../evaluate/truth/withTruth.ts";
import { readModel } from "../export/files.node.ts";
import { measuredRecord, modelName } from "../record/measured.ts";
import { mergeMetrics, type NamedMetrics, withDistinctNames } from "../record/merge.ts";
import { parseMetrics, serializeMetrics } from "../record/metricsFile.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import type { LatentStatistics } from "../report/charts/chart.ts";
import { parseLatents } from "../report/latents.ts";
import { type LatentTexts, parseTexts } from "../report/texts.ts";
import { type ProviderName, usableRuntime } from "../runtime/providers.node.ts";
import { ConfigError, isExpected } from "../util/errors.ts";
import { type AnySet, datasetOf } from "./dataset.node.ts";

/** Which frozen models to measure, and on what. */
export interface EvaluationRun {
  readonly set: AnySet;
  /** What transcoders are to reconstruct of each row; default: none of the models is one. */
  readonly target?: AnySet | undefined;
  readonly models: readonly string[];
  readonly trainRows?: number | undefined;
  readonly provider: ProviderName;
  readonly threads?: number | undefined;
  readonly batchSize?: number;
  /** Where to write the metrics file; nowhere by default. */
  readonly out?: string | undefined;
  readonly onModel?: (name: string) => void;
  /** Called with the reason for a model that cannot be measured, and the others are. Default: such a model is an error. */
  readonly onRefused?: ((why: Error) => void) | undefined;
}

/**
 * Measures frozen models; one record each.
 * @throws {ConfigError} when a model is named twice or cannot be measured on these activations; with `onRefused`, when none can be.
 */
export async function evaluateFiles({
  set,
  target,
  models,
  trainRows,
  provider,
  threads,
  batchSize = 1024,
  out,
  onModel,
  onRefused,
}: EvaluationRun): Promise<MetricsFile> {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`batchSize must be an integer of at least 1, got ${batchSize}`);
  const paths = models.map((path) => resolve(path));
  const twice = models.find((_, i) => paths.indexOf(paths[i]!) < i);
  if (twice !== undefined) throw new ConfigError(`${twice}: is named twice; name each model once`);
  const data = await datasetOf(set, trainRows, target);
  const runtime = await usableRuntime(provider);
  const recordOf = async (path: string): Promise<SaeRecord> => {
    const model = await readModel(path);
    const measured = await evaluate(runtime, model, data.evaluation, { file: path, batchSize, threads });
    const compared = await withChance(runtime, measured, data.evaluation, { threads });
    const evaluation = await withTruth(runtime, model, compared, data.truth, data.evaluation.validation, { threads });
    return measuredRecord(modelName(basename(path)), provider, evaluation);
  };
  const measured: string[] = [];
  const rows: SaeRecord[] = [];
  const refused: Error[] = [];
  for (const path of models) {
    onModel?.(path);
    try {
      rows.push(await recordOf(path));
      measured.push(path);
    } catch (error) {
      if (!onRefused || !isExpected(error)) throw error;
      refused.push(error as Error);
      if (models.length > 1) onRefused(error as Error);
    }
  }
  if (rows.length === 0 && refused.length > 0) throw refused[0];
  const file: MetricsFile = {
    version: 1,
    config: { models: measured.map((path) => basename(path)) },
    data: data.info,
    rows,
  };
  if (out !== undefined) await writeWhole(out, serializeMetrics(file));
  return file;
}

/** The metrics in the file at a path. @throws {ConfigError} when it cannot be read, or is no metrics file. */
export async function readMetrics(path: string): Promise<MetricsFile> {
  return parseMetrics(new TextDecoder().decode(await readInput(path)), path);
}

/** What a report is drawn from. */
export interface ReportMaterial {
  /** The records of all files. */
  readonly file: MetricsFile;
  /** The files one by one. */
  readonly files: readonly NamedMetrics[];
  /** What each latent did, by record name, of the SAEs that have it beside their metrics file. */
  readonly latents: Readonly<Record<string, LatentStatistics>>;
  /** The texts in which their latents are strongest, likewise. */
  readonly texts: Readonly<Record<string, LatentTexts>>;
}

/** Several metrics files as one, with the per-latent files beside them. @throws {ConfigError} when one cannot be read or added. */
export async function readReport(paths: readonly string[]): Promise<ReportMaterial> {
  const read = await Promise.all(paths.map(async (name) => ({ name, file: await readMetrics(name) })));
  const files = withDistinctNames(read);
  const latents: Record<string, LatentStatistics> = {};
  const texts: Record<string, LatentTexts> = {};
  for (const [i, { name: path, file }] of read.entries())
    for (const [j, { name, latent_dim }] of file.rows.entries()) {
      const shown = files[i]!.file.rows[j]!.name;
      const found = await readBeside(path, `${name}.latents.json`, (text, file) =>
        parseLatents(text, file, latent_dim),
      );
      if (found) latents[shown] = found;
      const said = await readBeside(path, `${name}.texts.json`, parseTexts);
      if (said) texts[shown] = said;
    }
  return { file: mergeMetrics(files), files, latents, texts };
}

/** What `train` wrote of an SAE, where it lies beside the metrics file. */
async function readBeside<T>(
  metrics: string,
  name: string,
  parse: (text: string, file: string) => T,
): Promise<T | undefined> {
  const path = join(dirname(metrics), basename(name));
  const bytes = await readBytes(path).catch((error) => {
    if ((error.cause as { code?: string } | undefined)?.code === "ENOENT") return undefined;
    throw error;
  });
  return bytes && parse(new TextDecoder().decode(bytes), path);
}

/** Writes every file of a report into a folder; all are of one report, also where two are written at once. */
export async function writeReport(files: ReadonlyMap<string, string | Uint8Array>, out: string): Promise<void> {
  await locked(join(out, "index.html"), async () => {
    for (const [name, content] of files) await writeWhole(join(out, name), content);
  });
}
