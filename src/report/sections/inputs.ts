import type { NamedMetrics } from "../../record/merge.ts";
import type { MetricsFile, SaeRecord } from "../../record/record.ts";
import type { Chart, LatentStatistics, SectionName } from "../charts/chart.ts";
import type { Configuration } from "../configurations.ts";
import { type Block, text } from "../document.ts";
import type { ParetoResult } from "../pareto.ts";

/** What every section of a report is made of. */
export interface ReportInputs {
  readonly title: string;
  readonly file: MetricsFile;
  /** What `file` was merged from; one file or none where it was not. */
  readonly merged: readonly NamedMetrics[];
  /** The file's records. */
  readonly records: readonly SaeRecord[];
  readonly configurations: readonly Configuration[];
  /** Per-latent statistics by record name. */
  readonly latents: Readonly<Record<string, LatentStatistics>>;
  /** What was wrong with the input, a sentence each. */
  readonly notes: readonly string[];
  readonly pareto: ParetoResult<Configuration>;
  /** The figures there are, in order. */
  /** Figures that would show too much, and why. */
  readonly leftOut: readonly { readonly chart: Pick<Chart, "section" | "title">; readonly why: string }[];
  readonly figures: readonly Pick<Chart, "name" | "section" | "title" | "caption">[];
}

/** The figures of a section, in order, then those that are not drawn and why. */
export const figuresIn = (section: SectionName, { figures, leftOut }: ReportInputs): Block[] => [
  ...figures
    .filter((one) => one.section === section)
    .map(({ name, title, caption }): Block => ({ kind: "figure", name, title, caption })),
  ...leftOut
    .filter(({ chart }) => chart.section === section)
    .map(({ chart, why }) => text(`Not drawn: ${chart.title}; ${why}. Report fewer SAEs at once to see it.`)),
];
