import { readGrid } from "./experimentFiles.ts";
import type { MetricsFile } from "./record.ts";

const source =
  "GusSand/CoT_Exploration, TopK SAE grid of 2025-10-26: figures to the decimals its heatmaps print; dead and active counts derived from them (one of 1794/1795 and 1505/1506 is a guess)";

/** For each latent_dim and k: explained variance, reconstruction loss, mean and max activation, death rate, dead latents. */
const cells: Readonly<Record<number, Readonly<Record<number, readonly number[]>>>> = {
  512: {
    5: [0.702, 0.128, 17.67, 50.12, 0.855, 438],
    10: [0.765, 0.1012, 10.42, 41.96, 0.723, 370],
    20: [0.804, 0.0842, 6.06, 26.15, 0.545, 279],
    100: [0.878, 0.0525, 1.91, 10.62, 0.0, 0],
  },
  1024: {
    5: [0.71, 0.1249, 17.39, 47.42, 0.909, 931],
    10: [0.766, 0.1008, 10.8, 35.97, 0.84, 860],
    20: [0.813, 0.0806, 6.15, 24.87, 0.651, 667],
    100: [0.88, 0.0517, 1.79, 10.95, 0.017, 17],
  },
  2048: {
    5: [0.719, 0.1208, 16.96, 51.5, 0.952, 1950],
    10: [0.768, 0.0997, 10.34, 40.24, 0.876, 1794],
    20: [0.819, 0.078, 6.17, 24.63, 0.735, 1505],
    100: [0.879, 0.052, 1.68, 10.58, 0.078, 160],
  },
};

/**
 * The 12 SAEs of the original experiment, layer 14 and position 3 of CODI Llama-3.2-1B, as its report prints them; the same as
 * examples/data/experiment-grid.json.
 */
export const experimentGrid = (): MetricsFile => {
  const metadata = {
    ...{ source, model: "LLaMA-3.2-1B, CODI", layer: 14, position: 3 },
    ...{ n_train: 5978, n_val: 1495, input_dim: 2048, epochs: 25, batch_size: 256 },
  };
  const results = Object.entries(cells).map(([latentDim, byK]) => [
    latentDim,
    Object.fromEntries(Object.entries(byK).map(([k, values]) => [k, cellOf(Number(latentDim), Number(k), values)])),
  ]);
  return readGrid({ metadata, results: Object.fromEntries(results) }, "experiment-grid.json");
};

function cellOf(latentDim: number, k: number, values: readonly number[]): Readonly<Record<string, number>> {
  const [explained_variance, reconstruction_loss, mean_activation, max_activation, feature_death_rate, dead] =
    values as [number, number, number, number, number, number];
  return {
    ...{ explained_variance, reconstruction_loss, l0_mean: k, mean_activation, max_activation, feature_death_rate },
    ...{ num_dead_features: dead, num_active_features: latentDim - dead, epochs: 25 },
  };
}
