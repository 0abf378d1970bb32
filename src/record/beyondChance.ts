import type { SaeRecord } from "./record.ts";

type Measured = Pick<SaeRecord, "metrics">;

/** The centred explained variance of an SAE, above what chance gives at the same size and L0; `undefined` where that was not measured. */
export function beyondChance({ metrics }: Measured) {
  const { explained_variance_centered: own } = metrics;
  const { frozen_encoder_explained_variance_centered: frozen, random_decoder_explained_variance_centered: random } =
    metrics;
  if (own == null || frozen == null || random == null) return undefined;
  return { own, frozen, random, encoder: own - frozen, dictionary: own - random };
}

/**
 * One sentence: what the SAEs do better than chance, and by how much; empty where it was not measured. `names` are those of the SAEs that
 * are not above both baselines.
 */
export function chanceSentence(records: readonly Measured[], nameOf: (index: number) => string, most = 6): string {
  const all = records.map(beyondChance);
  const measured = all.flatMap((one) => one ?? []);
  if (measured.length === 0) return "";
  const range = (of: (one: (typeof measured)[number]) => number) => {
    const values = measured.map(of);
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(3));
    return low === high ? low! : `${low} to ${high}`;
  };
  const gap = (of: (one: (typeof measured)[number]) => number) =>
    measured.every((one) => of(one) < 0) ? `${range((one) => -of(one))} below` : `${range(of)} above`;
  const below = all.flatMap((one, i) => (one && Math.min(one.encoder, one.dictionary) <= 0 ? [nameOf(i)] : []));
  const named = below.length > most ? [...below.slice(0, most - 1), `${below.length - most + 1} more`] : below;
  return [
    `Beyond chance, in centred EV at the same size and L0: ${gap(({ encoder }) => encoder)} a random encoder with the best decoder (${range(({ frozen }) => frozen)}), ${gap(({ dictionary }) => dictionary)} a random dictionary read by matching pursuit (${range(({ random }) => random)}).`,
    named.length > 0 ? ` Not above both: ${named.join(", ")}.` : "",
  ].join("");
}
