import { join } from "node:path";
import { writeWhole } from "../data/files.node.ts";
import { readModel } from "../export/files.node.ts";
import { strongestTexts } from "../features/strongest.ts";
import { metadataOf } from "../onnx/model.ts";
import { type LatentTexts, parseTexts } from "../report/texts.ts";
import { type ProviderName, usableRuntime } from "../runtime/providers.node.ts";
import { ConfigError } from "../util/errors.ts";
import type { AnySet } from "./dataset.node.ts";
import { readIfThere } from "./existing.node.ts";
import { allRows, rowFacts } from "./rowFacts.node.ts";

/** Trained SAEs, and the activations they were trained on as the command line names them. */
export interface TextsRun {
  readonly out: string;
  readonly names: readonly string[];
  readonly set: AnySet;
  readonly data: string;
  readonly tensor?: string | undefined;
  readonly trainRows?: number | undefined;
  readonly provider: ProviderName;
  readonly threads?: number | undefined;
}

/** Rows that are looked at, the first ones: enough for an impression, where `features` looks at all. */
const mostRows = 100_000;

/** Where the texts of an SAE are. */
export const textsPath = (out: string, name: string): string => join(out, `${name}.texts.json`);

/**
 * The strongest texts of each SAE by name, where labels lie beside the data; written beside it as `NAME.texts.json`. Those of a model that
 * were written before are read.
 * @throws {ConfigError} when the labels are damaged, or not one a row.
 */
export async function writeTexts(run: TextsRun): Promise<ReadonlyMap<string, LatentTexts>> {
  const { out, names, set, provider, threads } = run;
  const found = new Map<string, LatentTexts>();
  const facts = await rowFacts(run);
  if (!facts.labels) return found;
  const runtime = await usableRuntime(provider);
  for (const name of names) {
    const file = join(out, `${name}.encoder.onnx`);
    const model = await readModel(file);
    const before = await knownTexts(textsPath(out, name));
    const isKnown = before !== undefined && before.model === metadataOf(model).parity;
    const texts = isKnown
      ? before
      : await strongestTexts(runtime, model, allRows(set, mostRows), facts, { file, source: set.source, threads });
    if (!isKnown) await writeWhole(textsPath(out, name), `${JSON.stringify(texts)}\n`);
    found.set(name, texts);
  }
  return found;
}

/** What was written before; nothing where it is damaged: it is written again. */
async function knownTexts(path: string): Promise<LatentTexts | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  try {
    return parseTexts(new TextDecoder().decode(bytes), path);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
