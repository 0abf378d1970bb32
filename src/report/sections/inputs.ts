import type { NamedMetrics } from "../../record/merge.ts";
import type { MetricsFile, SaeRecord } from "../../record/record.ts";
import type { Chart, SectionName } from "../charts/chart.ts";
import type { Configuration } from "../configurations.ts";
import type { Block } from "../document.ts";
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
  /** What was wrong with the input, a sentence each. */
  readonly notes: readonly string[];
  readonly pareto: ParetoResult<Configuration>;
  /** The figures there are, in order. */
  readonly figures: readonly Pick<Chart, "name" | "section" | "title" | "caption">[];
}

/** The figures of a section, in order. */
export const figuresIn = (section: SectionName, { figures }: ReportInputs): Block[] =>
  figures
    .filter((one) => one.section === section)
    .map(({ name, title, caption }) => ({ kind: "figure", name, title, caption }));
