import type { NamedMetrics } from "../../record/merge.ts";
import type { MetricsFile, SaeRecord } from "../../record/record.ts";
import type { Configuration } from "../configurations.ts";
import type { ParetoResult } from "../pareto.ts";

/** What every section of a report is made of. */
export interface ReportInputs {
  readonly title: string;
  readonly file: MetricsFile;
  /** What `file` was merged from; one file or none where it was not. */
  readonly merged: readonly NamedMetrics[];
  /** The file's rows that can be shown. */
  readonly rows: readonly SaeRecord[];
  readonly configurations: readonly Configuration[];
  /** What was wrong with the input, a sentence each. */
  readonly notes: readonly string[];
  readonly pareto: ParetoResult<Configuration>;
  /** The figures there are, in order. */
  readonly figures: readonly { readonly name: string; readonly title: string; readonly caption: string }[];
}
