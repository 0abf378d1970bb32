import type { TopLevelSpec } from "vega-lite";
import type { Configuration } from "../configurations.ts";
import type { ParetoResult } from "../pareto.ts";

/** What each latent of one SAE did over the evaluated rows; all three have one entry a latent. */
export interface LatentStatistics {
  /** Share of rows in which the latent is non-zero, 0 to 1. */
  readonly frequency: ArrayLike<number>;
  /** Mean of |activation| over the rows in which it is non-zero; 0 for a dead latent. */
  readonly mean_activation: ArrayLike<number>;
  /** Largest |activation|; 0 for a dead latent. */
  readonly max_activation: ArrayLike<number>;
}

/** The sections a chart can stand in, by name, with their headings. */
export const sections = {
  pareto: "Pareto set",
  quality: "Quality against sparsity",
  utilization: "Feature utilization",
  magnitudes: "Activation magnitudes",
  reconstruction: "Reconstruction",
  places: "Layers and positions",
  training: "Training",
  latents: "Latents",
  recovery: "Recovered true features",
} as const;
export type SectionName = keyof typeof sections;

/** What charts are drawn from besides the records. */
export interface ChartContext {
  /** Width the whole figure should take, in pixels; figures of many columns may be wider. */
  readonly width: number;
  readonly pareto: ParetoResult<Configuration>;
  /** By record name; empty where no per-latent statistics were kept. */
  readonly latents: Readonly<Record<string, LatentStatistics>>;
}

/** One figure: its file name without suffix, where it stands, its title, and how it is made of the configurations. */
export interface Chart {
  readonly name: string;
  /** The section of the page that shows it. */
  readonly section: SectionName;
  readonly title: string;
  /** How to read it, one or two sentences. */
  readonly caption: string;
  /** Why it is not drawn though the records hold what it shows: there is too much of it. Asked first; nothing where it can be drawn. */
  readonly leftOut?: (
    configurations: readonly Configuration[],
    context: Pick<ChartContext, "pareto">,
  ) => string | undefined;
  /** The vega-lite specification, or `null` where the records do not hold what it shows. */
  readonly spec: (configurations: readonly Configuration[], context: ChartContext) => TopLevelSpec | null;
}

/** Gives a chart its type. */
export const defineChart = (chart: Chart): Chart => chart;
