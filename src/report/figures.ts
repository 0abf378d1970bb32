import type { TopLevelSpec } from "vega-lite";
import type { SaeRecord } from "../record/record.ts";
import type { Chart, LatentStatistics } from "./charts/chart.ts";
import { charts } from "./charts/index.ts";
import { configurations, dataGroup, meanOf } from "./configurations.ts";
import { inspectRecords } from "./inspect.ts";
import { paretoSet, parseDominance, parseObjectives } from "./pareto.ts";
import { defaultObjectives } from "./sparsity.ts";

/** A figure that can be drawn: what it is called, how to read it, and its specification. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly spec: TopLevelSpec;
}

/** Every figure of a report that these records can fill, at a width in pixels; none where no record can be shown. */
export function figuresOf(
  given: readonly SaeRecord[],
  { width, latents = {} }: { readonly width: number; readonly latents?: Readonly<Record<string, LatentStatistics>> },
): readonly Figure[] {
  const { records } = inspectRecords(given);
  if (records.length === 0) return [];
  const all = configurations(records);
  const rule = { objectives: parseObjectives(defaultObjectives(all)), dominance: parseDominance(undefined) };
  const context = { width, latents, pareto: paretoSet(all, rule, meanOf, dataGroup) };
  return Object.values<Chart>(charts).flatMap(({ name, title, caption, leftOut, spec }) => {
    const made = leftOut?.(all, context) === undefined ? spec(all, context) : null;
    return made ? [{ name, title, caption, spec: made }] : [];
  });
}
