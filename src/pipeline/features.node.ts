import { basename, dirname } from "node:path";
import { columnOf } from "../data/describe.ts";
import { readInput } from "../data/files.node.ts";
import { temporaryIn } from "../data/temporary.node.ts";
import { parseWhere } from "../data/where.ts";
import { readModel } from "../export/files.node.ts";
import { addToList, emptyList, latentScript, listScript, textsOf, textsScript } from "../features/explorer/data.ts";
import { explorerPage } from "../features/explorer/page.ts";
import { featureJson } from "../features/featureJson.ts";
import { describeFeatures, type Feature, usualCounts } from "../features/features.ts";
import { neuronpediaBatch } from "../features/neuronpedia.ts";
import { type FeatureSummary, SummaryBuilder, sentences } from "../features/summary.ts";
import { checkVocabulary } from "../features/unembedding.ts";
import { parseVocabulary } from "../features/vocabulary.ts";
import { metadataOf } from "../onnx/model.ts";
import { modelName } from "../record/measured.ts";
import { type ProviderName, usableRuntime } from "../runtime/providers.node.ts";
import { checkCounts } from "../util/counts.ts";
import { ConfigError } from "../util/errors.ts";
import { ChunkFile } from "./chunkFile.node.ts";
import { defaultMemory } from "./memory.ts";
import { openActivations } from "./open.node.ts";
import { allRows, rowFacts } from "./rowFacts.node.ts";
import { readUnembedding } from "./unembedding.node.ts";
import { checkReplaceable, writeFolder } from "./writeFolder.node.ts";

/** What can be written of features. */
export const featureFormats = ["json", "explorer", "neuronpedia"] as const;
export type FeatureFormat = (typeof featureFormats)[number];

/** Which model to look into, and on what. */
export interface FeaturesRun {
  readonly model: string;
  /** A file of activations, a folder of shards, or a list of them separated by commas. */
  readonly data: string;
  /** Name of the matrix in it; default: activations, or the only one. */
  readonly tensor?: string | undefined;
  /** Only rows whose columns have these values, such as `position=1..5`. */
  readonly where?: string | undefined;
  readonly trainRows?: number | undefined;
  readonly provider?: ProviderName | undefined;
  readonly threads?: number | undefined;
  readonly batchSize?: number | undefined;
  /** A file with the matrix `[vocabulary, outputDim]`, and the name of it in there. */
  readonly unembedding?: string | undefined;
  readonly unembeddingTensor?: string | undefined;
  /** A tokenizer.json, or a list of tokens. */
  readonly tokenizer?: string | undefined;
  /** Strongest rows that are kept of each latent. */
  readonly top?: number | undefined;
  readonly formats?: readonly FeatureFormat[];
  /** Bytes to stay within, roughly; a quarter of it holds activations of latents, more of them go to a file. Default 2 GB. */
  readonly memory?: number | undefined;
  /** Folder to write. */
  readonly out: string;
  /** Told how many rows, then how many latents, are done. */
  readonly onProgress?: (what: "rows" | "latents", done: number, all: number) => void;
}

/** The file by which a folder of features is known. */
const mark = "features.json";

/** Latents in a file for Neuronpedia, as its own writer divides them. */
const perBatch = 128;

/**
 * Writes what each latent of a frozen model responds to into a folder, whole or not at all: `features.json` with what is true of all,
 * `latents.jsonl` with a latent a line, `index.html` with what belongs to it, and `neuronpedia/batch-N.json`, as `formats` say.
 * @throws {ConfigError} when model, data, labels, unembedding and tokens do not fit together, or the folder holds something else.
 */
export async function writeFeatures(run: FeaturesRun): Promise<FeatureSummary> {
  await checkReplaceable(run.out, mark);
  const store = new ChunkFile(await temporaryIn(dirname(run.out)), (run.memory ?? defaultMemory) / 4);
  try {
    return await writeWith(store, run);
  } finally {
    await store.release();
  }
}

async function writeWith(store: ChunkFile, run: FeaturesRun): Promise<FeatureSummary> {
  const { data, tensor, memory, trainRows, out, top = usualCounts.top, formats = ["json", "explorer"] } = run;
  const { provider = "cpu", batchSize } = run;
  checkCounts({ batchSize, threads: run.threads });
  if (!Number.isInteger(top) || top < 1 || top > 100)
    throw new ConfigError(`--top must be an integer from 1 to 100, got ${top}`);
  const set = await openActivations(data, { tensor, where: parseWhere(run.where), memory });
  const model = await readModel(run.model);
  const vocabulary =
    run.tokenizer === undefined
      ? undefined
      : parseVocabulary(new TextDecoder().decode(await readInput(run.tokenizer)), run.tokenizer);
  const unembedding = await unembeddingOf(run);
  if (unembedding && vocabulary) checkVocabulary(vocabulary, run.tokenizer!, unembedding, run.unembedding!);
  const tokenOf = (id: number) => vocabulary?.[id] ?? `#${id}`;
  const facts = await rowFacts({ set, data, trainRows, vocabulary });
  const features = await describeFeatures(await usableRuntime(provider), model, allRows(set), facts, {
    ...{ store, file: run.model, source: set.source, threads: run.threads, unembedding, counts: { top } },
    ...(run.unembedding === undefined ? {} : { unembeddingFile: run.unembedding }),
    ...(batchSize === undefined ? {} : { batchSize }),
    onRows: (done, all) => run.onProgress?.("rows", done, all),
    onLatents: (done, all) => run.onProgress?.("latents", done, all),
  });
  const metadata = metadataOf(model);
  const layer = "shards" in set ? set.layer : columnOf(set, "layer");
  const about = {
    model: set.metadata.model ?? "",
    layer: layer ?? 0,
    sae: modelName(basename(run.model)),
    dataset: set.source,
    rows: facts.rows,
    tokens: usualCounts.window.before + 1 + usualCounts.window.behind,
  };
  const wants = (format: FeatureFormat) => formats.includes(format);
  const builder = new SummaryBuilder();
  let summary: FeatureSummary | undefined;
  await writeFolder(out, mark, async (write) => {
    const list = emptyList();
    const texts: string[] = [];
    let batch: Feature[] = [];
    for await (const feature of features.each()) {
      builder.add(feature);
      const { latent } = feature;
      if (wants("json")) await write("latents.jsonl", `${JSON.stringify(featureJson(feature, tokenOf))}\n`);
      if (wants("explorer")) {
        addToList(list, feature);
        texts.push(textsOf(feature));
        await write(`explorer/latents/${latent}.js`, latentScript(feature, tokenOf));
      }
      if (!wants("neuronpedia")) continue;
      batch.push(feature);
      if (batch.length < perBatch && latent + 1 < features.codes.latentDim) continue;
      await write(`neuronpedia/batch-${Math.floor(latent / perBatch)}.json`, neuronpediaBatch(batch, about, tokenOf));
      batch = [];
    }
    summary = builder.finish({ file: basename(run.model), metadata }, set.source, facts, features);
    if (wants("explorer")) {
      await write("explorer/list.js", listScript(list));
      await write("explorer/texts.js", textsScript(texts));
      const page = { title: `Latents of ${about.sae}`, latents: texts.length, lines: sentences(summary) };
      await write("index.html", explorerPage(page));
    }
    await write(mark, `${JSON.stringify(summary, null, 1)}\n`);
  });
  return summary!;
}

async function unembeddingOf({ unembedding, unembeddingTensor: tensor }: FeaturesRun) {
  if (unembedding === undefined) {
    if (tensor !== undefined) throw new ConfigError("--unembedding-tensor: needs --unembedding");
    return undefined;
  }
  if (tensor !== undefined && /\.onnx$/i.test(unembedding))
    throw new ConfigError(
      `--unembedding-tensor: of ${unembedding} the matrix that its logits are made with is taken; leave the flag out`,
    );
  const choice = { ...(tensor === undefined ? {} : { tensor }), severalHint: "choose one with --unembedding-tensor" };
  return readUnembedding(unembedding, choice);
}
