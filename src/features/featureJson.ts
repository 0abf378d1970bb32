import type { Example } from "./examples.ts";
import type { Feature } from "./features.ts";
import type { AttributeUse } from "./specificity.ts";
import type { Signed } from "./statistics.ts";

/** A feature as `latents.jsonl` has it, one a line; docs/features.md says what each key is. */
export type FeatureJson = ReturnType<typeof featureJson>;

/** A feature as JSON; `tokenOf` names the tokens of the unembedding. */
export function featureJson(feature: Feature, tokenOf: (id: number) => string) {
  const { latent, firing, nearest, together, duplicates, dense, promoted, suppressed } = feature;
  const { histogram } = firing;
  const logits = (products: NonNullable<Feature["promoted"]>) =>
    products.map(({ index, value }) => ({ token: tokenOf(index), token_id: index, logit: value }));
  return {
    latent,
    rows: firing.rows,
    frequency: firing.frequency,
    frequency_train: firing.frequencyTrain,
    frequency_validation: firing.frequencyValidation,
    positive: signed(firing.positive),
    negative: signed(firing.negative),
    dead: firing.rows === 0,
    dense,
    duplicates,
    histogram: histogram ? { from: histogram.from, to: histogram.to, counts: histogram.counts } : null,
    attributes: feature.attributes.map(attribute),
    top: feature.top.map(example),
    bands: feature.bands.map(({ from, to, examples }) => ({ from, to, examples: examples.map(example) })),
    nearest: nearest.map((one) => ({ ...one })),
    together: together.map((one) => ({ ...one })),
    ...(promoted && suppressed ? { promoted: logits(promoted), suppressed: logits(suppressed) } : {}),
  };
}

const signed = ({ rows, mean, largest }: Signed) => ({ rows, mean, largest });

const attribute = ({ name, values }: AttributeUse) => ({
  name,
  values: values.map(({ value, rows, fires, share, lift, mutualInformation, chance, falseDiscoveryRate }) => ({
    ...{ value, rows, fires, share, lift },
    mutual_information: mutualInformation,
    p: chance,
    q: falseDiscoveryRate,
  })),
});

const example = ({ row, value, split, tokens, activations, at, cut, text }: Example) => ({
  ...{ row, value, split },
  ...(tokens && activations ? { tokens, activations, at: at!, cut: cut! } : {}),
  ...(text === undefined ? {} : { text }),
});
