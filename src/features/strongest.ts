import type { AnyRows } from "../evaluate/evaluate.ts";
import { metadataOf } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import type { LatentTexts } from "../report/texts.ts";
import type { Runtime } from "../runtime/session.ts";
import { random } from "../util/random.ts";
import { latentGroups } from "./byLatent.ts";
import { type EncodeOptions, encodeRows } from "./codes.ts";
import { type Example, ExampleMaker, rowsToRead } from "./examples.ts";
import type { RowFacts } from "./facts.ts";
import { dense } from "./features.ts";
import { largest } from "./largest.ts";
import { shownRows } from "./statistics.ts";

/** Latents and texts of each that are kept, and characters of a text. */
const most = { latents: 20, texts: 3, characters: 120 };

/** A latent that fires less often says little of the data. */
const leastRows = 3;

/**
 * The texts in which the latents with the largest activations fire most strongly; of latents that fire in a tenth of the rows at most.
 * @throws {ConfigError} as `encodeRows`.
 */
export async function strongestTexts(
  runtime: Runtime,
  model: Model,
  rows: AnyRows,
  facts: RowFacts,
  options: EncodeOptions = {},
): Promise<LatentTexts> {
  const codes = await encodeRows(runtime, model, rows, options);
  const sizes = new Float64Array(codes.latentDim);
  for await (const { latents, values } of codes.store.all())
    for (let i = 0; i < values.length; i++) {
      const size = Math.abs(values[i]!);
      if (size > sizes[latents[i]!]!) sizes[latents[i]!] = size;
    }
  const isTold = (fired: number) => fired >= leastRows && fired <= dense * codes.rows;
  const chosen = largest(codes.fired.keys(), most.latents, (latent) =>
    isTold(codes.fired[latent]!) ? sizes[latent]! : 0,
  );
  const maker = new ExampleMaker(facts, { before: 12, behind: 6 });
  const told = new Map<number, LatentTexts["latents"][number]>();
  for await (const group of latentGroups(codes))
    for (const latent of chosen.filter((one) => one >= group.from && one < group.to)) {
      const of = group.of(latent);
      const { top } = shownRows(of, facts.texts?.of, { top: most.texts, bands: 0, perBand: 0 }, random(0, "texts"));
      const read = rowsToRead([{ of, shown: top }], facts);
      const labels = read.length > 0 ? await facts.labels!(read) : [];
      const [examples] = maker.examples(of, [top], new Map(Array.from(read, (row, i) => [row, labels[i] ?? null])));
      const strongest = examples!.map(({ row, value, ...words }) => ({ row, value, text: textOf(words) }));
      told.set(latent, { latent, frequency: of.rows.length / codes.rows, strongest });
    }
  const { parity = "" } = metadataOf(model);
  return { version: 1, model: parity, rows: codes.rows, latents: chosen.map((latent) => told.get(latent)!) };
}

/** An example as plain text, its own token in brackets. */
function textOf({ text, tokens, at, cut }: Partial<Example>): string {
  if (tokens)
    return `${cut?.[0] ? "… " : ""}${tokens.map((token, i) => (i === at ? `${/^\s/.test(token) ? " " : ""}[${token.trim()}]` : token)).join("")}${cut?.[1] ? " …" : ""}`;
  const all = text ?? "";
  return all.length > most.characters ? `${all.slice(0, most.characters)} …` : all;
}
