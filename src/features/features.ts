import type { Label } from "../data/labels.ts";
import type { AnyRows } from "../evaluate/evaluate.ts";
import { decoderOf } from "../evaluate/parts.ts";
import type { Model } from "../onnx/proto.ts";
import type { Runtime } from "../runtime/session.ts";
import { random } from "../util/random.ts";
import type { HostTensor } from "../util/tensor.ts";
import { countedRows, type LatentGroup, latentGroups, togetherOf } from "./byLatent.ts";
import { type Codes, type EncodeOptions, encodeRows } from "./codes.ts";
import { type Example, ExampleMaker, rowsToRead, type Window } from "./examples.ts";
import type { RowFacts } from "./facts.ts";
import { FalseDiscovery } from "./falseDiscovery.ts";
import { logFactorials } from "./hypergeometric.ts";
import { largest } from "./largest.ts";
import { extremeProducts, type Product, unitRows } from "./products.ts";
import { type AttributeUse, testsOf, valueCounts } from "./specificity.ts";
import { type Firing, firingOf, shownRows } from "./statistics.ts";
import { checkUnembedding } from "./unembedding.ts";

/** Another latent, and how near it is. */
export interface Neighbour {
  readonly latent: number;
  /** Cosine of the decoder rows. */
  readonly cosine: number;
}

/** Another latent that fires in the same rows. */
export interface Companion {
  readonly latent: number;
  /** Rows in which both fire over rows in which one does: 1 where they always fire together. */
  readonly jaccard: number;
  /** Correlation of firing, -1 to 1. */
  readonly correlation: number;
  /** Rows in which both fire, of those that were counted. */
  readonly rows: number;
}

/** What is to know of one latent. */
export interface Feature {
  readonly latent: number;
  readonly firing: Firing;
  /** Its strongest rows. */
  readonly top: readonly Example[];
  /** Bands of its rows from strong to weak, with some rows of each. */
  readonly bands: readonly { readonly from: number; readonly to: number; readonly examples: readonly Example[] }[];
  readonly attributes: readonly AttributeUse[];
  readonly nearest: readonly Neighbour[];
  readonly together: readonly Companion[];
  /** Latents that are all but the same: by decoder, or by where they fire. */
  readonly duplicates: readonly number[];
  /** It fires in more than a tenth of the rows. */
  readonly dense: boolean;
  /** Tokens whose logits it raises and lowers most. */
  readonly promoted?: readonly Product[];
  readonly suppressed?: readonly Product[];
}

/** How near latents must be to count as duplicates: cosine of decoder rows, or correlation of firing in so many common rows. */
export const duplicate = { cosine: 0.9, correlation: 0.9, rows: 10 } as const;
/** Share of rows above which a latent is called dense. Source: Sun et al. 2025, Dense SAE latents are features, not bugs. */
export const dense = 0.1;

/** How much is said of each latent. */
export interface FeatureCounts {
  readonly top: number;
  readonly bands: number;
  readonly perBand: number;
  readonly neighbours: number;
  readonly values: number;
  readonly window: Window;
}

export const usualCounts: FeatureCounts = {
  ...{ top: 20, bands: 5, perBand: 4, neighbours: 10, values: 10 },
  window: { before: 24, behind: 12 },
};

export interface FeatureOptions extends EncodeOptions {
  readonly seed?: number;
  readonly counts?: Partial<FeatureCounts>;
  /** `[vocabulary, outputDim]`: a token's direction in each row. */
  readonly unembedding?: HostTensor<"float32"> | undefined;
  /** Name of the file it is in, for errors. */
  readonly unembeddingFile?: string;
  /** Told how many latents are done. */
  readonly onLatents?: ((done: number, latents: number) => void) | undefined;
}

/** What is to know of all latents, one after the other. */
export interface Features {
  readonly codes: Codes;
  /** Pairs of latents and values that were tested for going together. */
  readonly tests: number;
  /** Every so many rows were counted for what fires together. */
  readonly everyRow: number;
  readonly hasDecoder: boolean;
  readonly each: () => AsyncGenerator<Feature>;
}

/**
 * What each latent of a frozen encoder or autoencoder responds to. The model runs over the rows once; what it gives stays in
 * `store` (memory by default), and is then gone through latent after latent.
 * @throws {ConfigError} when the model or the unembedding has another width.
 */
export async function describeFeatures(
  runtime: Runtime,
  model: Model,
  rows: AnyRows,
  facts: RowFacts,
  options: FeatureOptions = {},
): Promise<Features> {
  const { file = "model", seed = 0, unembedding, unembeddingFile = "the unembedding", threads, onLatents } = options;
  const counts = { ...usualCounts, ...options.counts };
  const latentDim = latentDimOf(model);
  const decoder = latentDim === undefined ? undefined : decoderOf(model, latentDim);
  if (unembedding) checkUnembedding(unembedding, unembeddingFile, decoder, file);
  const codes = await encodeRows(runtime, model, rows, options);
  const alive = codes.fired.reduce((sum, fired) => sum + (fired > 0 ? 1 : 0), 0);
  const tests = testsOf(facts.attributes, alive);
  const logs = logFactorials(facts.attributes.length > 0 ? codes.rows : 0);
  const rates = await testAll(codes, facts, tests, logs);
  const unit = decoder && unitRows(decoder);
  const near = unit && (await extremeProducts(runtime, unit, unit, counts.neighbours + 1, { threads })).largest;
  const logits = unembedding && (await extremeProducts(runtime, decoder!, unembedding, counts.neighbours, { threads }));
  const together = togetherOf(codes);

  async function* each(): AsyncGenerator<Feature> {
    const maker = new ExampleMaker(facts, counts.window);
    const values = valueCounts(facts);
    const counted = await countedRows(codes, together);
    const countedAll = Math.ceil(codes.rows / together.every);
    for await (const group of latentGroups(codes, together)) {
      const shown = shownOf(group, facts, counts, seed);
      const labels = await labelsOf(group, shown, facts);
      for (let latent = group.from; latent < group.to; latent++) {
        const of = group.of(latent);
        const { top, bands } = shown[latent - group.from]!;
        for (const one of values) one.count(of);
        const [first, ...others] = maker.examples(of, [top, ...bands.map((band) => band.shown)], labels);
        const nearest = (near?.[latent] ?? [])
          .filter(({ index }) => index !== latent)
          .slice(0, counts.neighbours)
          .map(({ index, value }) => ({ latent: index, cosine: value }));
        const companions = companionsOf(latent, group.together(latent)!, counted, countedAll);
        const firing = firingOf(of, facts);
        yield {
          ...{ latent, firing, nearest },
          top: first!,
          bands: bands.map(({ from, to }, i) => ({ from, to, examples: others[i]! })),
          attributes: values.map((one) => one.strongest(counts.values, rates, logs)),
          together: companions.slice(0, counts.neighbours),
          duplicates: duplicatesOf(nearest, companions),
          dense: firing.frequency > dense,
          ...(logits ? { promoted: logits.largest[latent]!, suppressed: logits.smallest[latent]! } : {}),
        };
      }
      onLatents?.(group.to, codes.latentDim);
    }
  }
  return { codes, tests, everyRow: together.every, hasDecoder: decoder !== undefined, each };
}

function latentDimOf(model: Model): number | undefined {
  const kept = model.graph?.initializer?.find(({ name }) => name === "W_dec");
  const rows = kept?.dims?.[0];
  return rows === undefined || rows === null ? undefined : Number(rows);
}

/** One pass over the codes for all chances: only with all of them is it known how many would be found by chance. */
async function testAll(codes: Codes, facts: RowFacts, tests: number, logs: Float64Array): Promise<FalseDiscovery> {
  const rates = new FalseDiscovery();
  const values = valueCounts(facts);
  if (values.length > 0)
    for await (const group of latentGroups(codes))
      for (let latent = group.from; latent < group.to; latent++)
        for (const one of values) {
          one.count(group.of(latent));
          one.test(rates, logs);
        }
  rates.finish(tests);
  return rates;
}

const shownOf = (group: LatentGroup, { texts }: RowFacts, counts: FeatureCounts, seed: number) =>
  Array.from({ length: group.to - group.from }, (_, i) =>
    shownRows(group.of(group.from + i), texts?.of, counts, random(seed, `rows of latent ${group.from + i}`)),
  );

async function labelsOf(group: LatentGroup, shown: ReturnType<typeof shownOf>, facts: RowFacts) {
  const wanted = shown.map(({ top, bands }, i) => ({
    of: group.of(group.from + i),
    shown: [...top, ...bands.flatMap((band) => band.shown)],
  }));
  const rows = rowsToRead(wanted, facts);
  const labels = rows.length > 0 ? await facts.labels!(rows) : [];
  return new Map<number, Label | null>(Array.from(rows, (row, i) => [row, labels[i] ?? null]));
}

/** The latents that fire together with one, so many at most, by the share of rows they have in common. */
export function companionsOf(latent: number, together: Uint32Array, counted: Uint32Array, rows: number): Companion[] {
  const own = counted[latent]!;
  const jaccard = (other: number) =>
    other === latent ? 0 : together[other]! / (own + counted[other]! - together[other]!);
  return largest(together.keys(), mostCompanions, jaccard).map((other) => {
    const [both, theirs] = [together[other]!, counted[other]!];
    const spread = Math.sqrt(own * (rows - own)) * Math.sqrt(theirs * (rows - theirs));
    const correlation = spread === 0 ? 0 : (both * rows - own * theirs) / spread;
    return { latent: other, jaccard: jaccard(other), correlation, rows: both };
  });
}

export const duplicatesOf = (nearest: readonly Neighbour[], together: readonly Companion[]): number[] =>
  [
    ...new Set([
      ...nearest.filter(({ cosine }) => cosine >= duplicate.cosine).map(({ latent }) => latent),
      ...together
        .filter(({ correlation, rows }) => correlation >= duplicate.correlation && rows >= duplicate.rows)
        .map(({ latent }) => latent),
    ]),
  ].sort((a, b) => a - b);

/** Looked at for duplicates, at most. */
const mostCompanions = 50;
