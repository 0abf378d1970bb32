import type { Example } from "./examples.ts";
import type { Feature } from "./features.ts";

/** What Neuronpedia wants to know besides the features. */
export interface NeuronpediaAbout {
  readonly model: string;
  readonly layer: number;
  readonly sae: string;
  readonly dataset: string;
  readonly rows: number;
  /** Most tokens that are shown of a text. */
  readonly tokens: number;
}

/**
 * A file `batch-N.json` of Neuronpedia's dashboards. What is not measured here (neurons, the histogram of logits) is left empty,
 * as its own writer leaves it.
 * Source: SAEDashboard 0.8.0, neuronpedia/neuronpedia_dashboard.py, and neuronpedia_converter.py for the bins of activations.
 */
export function neuronpediaBatch(
  features: readonly Feature[],
  about: NeuronpediaAbout,
  tokenOf: (id: number) => string,
): string {
  return JSON.stringify({
    model_id: about.model,
    layer: about.layer,
    sae_set: about.sae,
    sae_id_suffix: null,
    features: features.map((feature) => featureOf(feature, about, tokenOf)),
  });
}

function featureOf(feature: Feature, about: NeuronpediaAbout, tokenOf: (id: number) => string) {
  const { firing, promoted = [], suppressed = [], together, top, bands } = feature;
  const { from = 0, to = 0, counts = [] } = firing.histogram ?? {};
  const width = (to - from) / Math.max(counts.length, 1);
  const largest = top[0] ? Math.abs(top[0].value) : 0;
  return {
    feature_index: feature.latent,
    ...{ neuron_alignment_indices: [], neuron_alignment_values: [], neuron_alignment_l1: [] },
    ...{ correlated_neurons_indices: [], correlated_neurons_l1: [], correlated_neurons_pearson: [] },
    correlated_features_indices: together.map(({ latent }) => latent),
    correlated_features_l1: together.map(({ jaccard }) => rounded(jaccard)),
    correlated_features_pearson: together.map(({ correlation }) => rounded(correlation)),
    neg_str: suppressed.map(({ index }) => tokenOf(index)),
    neg_values: suppressed.map(({ value }) => rounded(value)),
    pos_str: promoted.map(({ index }) => tokenOf(index)),
    pos_values: promoted.map(({ value }) => rounded(value)),
    frac_nonzero: firing.frequency,
    freq_hist_data_bar_values: counts.map((_, i) => rounded(from + (i + 0.5) * width)),
    freq_hist_data_bar_heights: counts,
    ...{ logits_hist_data_bar_heights: [], logits_hist_data_bar_values: [] },
    n_prompts_total: about.rows,
    n_tokens_in_prompt: about.tokens,
    dataset: about.dataset,
    decoder_weights_dist: [],
    activations: [
      ...top.map((one) => activationOf(one, { min: -1, max: largest, contains: -1 })),
      ...bands.flatMap((band) =>
        band.examples.map((one) => activationOf(one, { min: band.from, max: band.to, contains: 1 / bands.length })),
      ),
    ],
    vector: [],
  };
}

/** A text with the activation of each token; of one whose tokens are not known, the text as a single token. */
const activationOf = (
  { value, tokens, activations, at = 0, text = "" }: Example,
  bin: { readonly min: number; readonly max: number; readonly contains: number },
) => ({
  ...{ bin_min: rounded(bin.min), bin_max: rounded(bin.max), bin_contains: rounded(bin.contains) },
  tokens: tokens ?? [text],
  values: (activations ?? [value]).map((one) => rounded(one ?? 0)),
  qualifying_token_index: at,
});

/** Three digits behind the point, as Neuronpedia's own writer rounds. */
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
