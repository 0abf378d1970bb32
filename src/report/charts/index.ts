import type { Chart } from "./chart.ts";
import { gridHeatmap } from "./gridHeatmap.ts";
import { latentFrequency, latentMagnitude, latentsSorted } from "./latentFigures.ts";
import { layerPositionMap } from "./layerPositionMap.ts";
import { layerTrends } from "./layerTrends.ts";
import { lossCurves } from "./lossCurves.ts";
import { paretoFrontier } from "./paretoFrontier.ts";
import { varianceAgainstL0 } from "./varianceAgainstL0.ts";

/** Every figure of a report, in its order on the page. A new chart is a file here and a line in this table. */
export const charts = {
  pareto_frontier: paretoFrontier,
  variance_against_l0: varianceAgainstL0,
  heatmap_explained_variance: gridHeatmap({
    name: "heatmap_explained_variance",
    section: "quality",
    key: "explained_variance",
    title: "Explained Variance (Higher = Better Reconstruction)",
    caption:
      "1 is a perfect reconstruction. Compare with what predicting the mean alone scores, given with the metrics below.",
    scheme: "redyellowgreen",
    domain: [0, 1],
    format: ".3f",
  }),
  heatmap_feature_death_rate: gridHeatmap({
    name: "heatmap_feature_death_rate",
    section: "utilization",
    key: "feature_death_rate",
    title: "Feature Death Rate (Lower = Better Feature Utilization)",
    caption: "Share of latents that no row activates.",
    scheme: "redyellowgreen",
    reverse: true,
    domain: [0, 1],
    format: ".3f",
  }),
  heatmap_mean_activation: gridHeatmap({
    name: "heatmap_mean_activation",
    section: "magnitudes",
    key: "mean_activation",
    title: "Mean Activation Magnitude (Feature Strength)",
    caption: "Mean of |activation| over the entries that are not zero.",
    scheme: "plasma",
    format: ".2f",
  }),
  heatmap_max_activation: gridHeatmap({
    name: "heatmap_max_activation",
    section: "magnitudes",
    key: "max_activation",
    title: "Max Activation Magnitude (Peak Feature Strength)",
    caption: "Largest |activation|.",
    scheme: "inferno",
    format: ".2f",
  }),
  heatmap_reconstruction_loss: gridHeatmap({
    name: "heatmap_reconstruction_loss",
    section: "reconstruction",
    key: "reconstruction_loss",
    title: "Reconstruction Loss (Lower = Better)",
    caption: "Mean squared error over rows and dimensions.",
    scheme: "redyellowgreen",
    reverse: true,
    format: ".4f",
  }),
  heatmap_mean_max_cosine: gridHeatmap({
    name: "heatmap_mean_max_cosine",
    section: "recovery",
    key: "mean_max_cosine",
    title: "Mean Largest Cosine with the True Features (Higher = More Recovered)",
    caption: "1 is a decoder that has a row along every feature of the known dictionary.",
    scheme: "viridis",
    domain: [0, 1],
    format: ".3f",
  }),
  layers_explained_variance: layerPositionMap({
    name: "layers_explained_variance",
    section: "quality",
    key: "explained_variance",
    title: "Explained Variance by Layer and Position",
    scheme: "redyellowgreen",
    format: ".3f",
  }),
  layers_feature_death_rate: layerPositionMap({
    name: "layers_feature_death_rate",
    section: "utilization",
    key: "feature_death_rate",
    title: "Feature Death Rate by Layer and Position",
    scheme: "redyellowgreen",
    reverse: true,
    format: ".3f",
  }),
  layers_mean_activation: layerPositionMap({
    name: "layers_mean_activation",
    section: "magnitudes",
    key: "mean_activation",
    title: "Mean Activation Magnitude by Layer and Position",
    scheme: "plasma",
    format: ".3f",
  }),
  layers_reconstruction_loss: layerPositionMap({
    name: "layers_reconstruction_loss",
    section: "reconstruction",
    key: "reconstruction_loss",
    title: "Reconstruction Loss by Layer and Position",
    scheme: "redyellowgreen",
    reverse: true,
    format: ".3f",
  }),
  layers_trend: layerTrends,
  loss_curves: lossCurves,
  latent_frequency: latentFrequency,
  latent_magnitude: latentMagnitude,
  latents_sorted: latentsSorted,
} satisfies Record<string, Chart>;
