import type { RowFacts } from "./facts.ts";
import { dense, duplicate, type Feature, type Features } from "./features.ts";
import { splitCounts } from "./statistics.ts";

/** What `features.json` says of all latents together; docs/features.md says what each key is. */
export interface FeatureSummary {
  readonly version: 1;
  readonly model: { readonly file: string; readonly metadata: Readonly<Record<string, string>> };
  readonly data: {
    readonly source: string;
    readonly rows: number;
    readonly train_rows: number;
    readonly validation_rows: number;
    /** Texts that have several rows, one for each token; `null` where rows are single. */
    readonly texts: number | null;
  };
  readonly latent_dim: number;
  readonly dead: number;
  readonly dense: readonly number[];
  readonly duplicates: readonly (readonly [number, number])[];
  readonly attributes: readonly { readonly name: string; readonly values: number; readonly rows: number }[];
  readonly left_out: readonly { readonly name: string; readonly why: string }[];
  readonly tests: number;
  readonly together_every: number;
  readonly thresholds: typeof thresholds;
}

const thresholds = {
  dense_frequency: dense,
  duplicate_cosine: duplicate.cosine,
  duplicate_correlation: duplicate.correlation,
  duplicate_rows: duplicate.rows,
} as const;

/** Gathers the summary, latent after latent. */
export class SummaryBuilder {
  #dead = 0;
  #dense: number[] = [];
  #duplicates: [number, number][] = [];

  add({ latent, firing, dense: isDense, duplicates }: Feature): void {
    if (firing.rows === 0) this.#dead++;
    if (isDense) this.#dense.push(latent);
    for (const other of duplicates) if (other > latent) this.#duplicates.push([latent, other]);
  }

  finish(
    model: FeatureSummary["model"],
    source: string,
    facts: RowFacts,
    { codes, tests, everyRow, hasDecoder }: Omit<Features, "each">,
  ): FeatureSummary {
    const { train, validation } = splitCounts(facts);
    const texts = facts.texts ? facts.texts.starts.length - 1 : null;
    return {
      version: 1,
      model,
      data: { source, rows: facts.rows, train_rows: train, validation_rows: validation, texts },
      latent_dim: codes.latentDim,
      dead: this.#dead,
      dense: this.#dense,
      duplicates: this.#duplicates,
      attributes: facts.attributes.map(({ name, values, known }) => ({ name, values: values.length, rows: known })),
      left_out: [
        ...facts.leftOut,
        ...(hasDecoder ? [] : [{ name: "nearest", why: "the model keeps no decoder; give the autoencoder" }]),
      ],
      ...{ tests, together_every: everyRow, thresholds },
    };
  }
}

/** What the explorer says above its list, a sentence each. */
export function sentences({ data, latent_dim, dead, dense: many, duplicates, attributes }: FeatureSummary): string[] {
  const count = (n: number) => n.toLocaleString("en");
  const texts = data.texts === null ? "" : ` in ${count(data.texts)} texts`;
  const known = attributes.map(({ name, values }) => `${name} (${count(values)} values)`).join(", ");
  return [
    `${count(latent_dim)} latents on ${count(data.rows)} rows of ${data.source}${texts}: ${count(data.train_rows)} training, ${count(data.validation_rows)} validation.`,
    `Latents that never fire: ${count(dead)}; that fire in more than a tenth of the rows: ${count(many.length)}; pairs that are all but the same: ${count(duplicates.length)}.`,
    ...(known
      ? [`Known of the rows: ${known}.`]
      : ["Nothing is known of the rows but their activations: no labels lie beside the data."]),
  ];
}
