import { metricsCsv } from "../record/csv.ts";
import type { NamedMetrics } from "../record/merge.ts";
import type { MetricsFile } from "../record/record.ts";
import { ConfigError } from "../util/errors.ts";
import type { Chart, ChartContext, LatentStatistics } from "./charts/chart.ts";
import { charts } from "./charts/index.ts";
import { layerPositionMap } from "./charts/layerPositionMap.ts";
import { type Configuration, configurations, dataGroup, meanOf } from "./configurations.ts";
import { gridFiles, paretoFile } from "./derived.ts";
import type { Block } from "./document.ts";
import { inspectRecords } from "./inspect.ts";
import { infoOf } from "./keys.ts";
import { latexTable } from "./latex.ts";
import { markdown } from "./markdown.ts";
import { type Drawing, reportPage } from "./page.ts";
import { paretoSet, parseDominance, parseObjectives } from "./pareto.ts";
import { renderSvg } from "./render.ts";
import { type Compared, comparison } from "./sections/comparison.ts";
import type { ReportInputs } from "./sections/inputs.ts";
import { paretoSection } from "./sections/paretoSection.ts";
import { places } from "./sections/places.ts";
import { closing, opening } from "./sections/provenance.ts";
import { recovery } from "./sections/recovery.ts";
import { results } from "./sections/results.ts";
import { seeds } from "./sections/seeds.ts";
import { summary } from "./sections/summary.ts";
import { textsSection } from "./sections/texts.ts";
import { defaultObjectives } from "./sparsity.ts";
import { recordsTable } from "./table.ts";
import type { LatentTexts } from "./texts.ts";

/** How a report is made; everything has a default. */
export interface ReportOptions {
  /** Default: `Sparse autoencoders on SOURCE`. */
  readonly title?: string;
  /** Objectives; default: `explained_variance:max` with `k:min`, or with `l0_mean:min` where k is not the measured L0 or does not vary. */
  readonly pareto?: string;
  /** `standard` (default) or `strict`. */
  readonly dominance?: string;
  /** Per-latent statistics by record name, for the figures of latents. */
  readonly latents?: Readonly<Record<string, LatentStatistics>>;
  /** The texts in which latents are strongest, by record name. */
  readonly texts?: Readonly<Record<string, LatentTexts>>;
  /** The figures; default: all of the table in charts/index.ts. */
  readonly charts?: Readonly<Record<string, Chart>>;
  /** Metrics to draw over layers and positions besides those that always are. */
  readonly maps?: readonly string[];
  /** Another metrics file to compare with, cell by cell. */
  readonly compare?: Compared;
  /** The files `file` was merged from; the page names each one's data. Default: `file` is one by itself. */
  readonly inputs?: readonly NamedMetrics[];
}

/** Maps of metrics over layers and positions, by their names. @throws {ConfigError} for a metric that no record has. */
function mapsOf(keys: readonly string[], all: readonly Configuration[]): Readonly<Record<string, Chart>> {
  return Object.fromEntries(
    keys.map((key) => {
      if (all.every((one) => meanOf(one, key) === null))
        throw new ConfigError(
          `--map: no SAE has a metric "${key}"; there are ${[...new Set(all.flatMap(({ record }) => Object.keys(record.metrics)))].join(", ")}`,
        );
      const { label } = infoOf(key);
      const name = `layers_${key}`;
      const title = `${label} by Layer and Position`;
      return [name, layerPositionMap({ name, section: "places", key, title, scheme: "viridis", format: ".3~g" })];
    }),
  );
}

const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 60).replace(/[\s,;:(]+\S*$/, "")} …` : text);

/** Widths at which figures are drawn: in files and wide windows, and in windows of a telephone. */
const widths = { wide: 860, narrow: 350 };

/**
 * Every file of a report by name: index.html, report.md, each figure as .vl.json and .svg, metrics.csv, table.tex,
 * grid_metrics_latent{d}.json and pareto_optimal_configs.json. Nothing is written: that is the caller's.
 * @throws {ConfigError} when no record can be shown or the Pareto rule cannot be read.
 */
export async function buildReport(
  file: MetricsFile,
  options: ReportOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const asked = options.pareto === undefined ? undefined : parseObjectives(options.pareto);
  const dominance = parseDominance(options.dominance);
  const { records, notes } = inspectRecords(file.rows);
  if (records.length === 0)
    throw new ConfigError(
      `report on ${file.data.source}: no row to show${notes.length > 0 ? ` (${notes[0]})` : ""}; give a metrics file with rows`,
    );
  const all = configurations(records);
  const rule = { objectives: asked ?? parseObjectives(defaultObjectives(all)), dominance };
  const pareto = paretoSet(all, rule, meanOf, dataGroup);
  const files = new Map<string, string>();

  const drawings = new Map<string, Drawing>();
  const figures: Chart[] = [];
  const leftOut: { chart: Chart; why: string }[] = [];
  for (const chart of Object.values<Chart>({ ...(options.charts ?? charts), ...mapsOf(options.maps ?? [], all) })) {
    const why = chart.leftOut?.(all, { pareto });
    if (why !== undefined) {
      leftOut.push({ chart, why });
      continue;
    }
    const context = (width: number): ChartContext => ({ width, pareto, latents: options.latents ?? {} });
    const wide = chart.spec(all, context(widths.wide));
    const narrow = chart.spec(all, context(widths.narrow));
    if (!wide || !narrow) continue;
    const drawing = { wide: await renderSvg(wide), narrow: await renderSvg(narrow) };
    drawings.set(chart.name, drawing);
    figures.push(chart);
    files.set(`${chart.name}.vl.json`, `${JSON.stringify(wide, null, 1)}\n`);
    files.set(`${chart.name}.svg`, `${drawing.wide}\n`);
  }

  const title = options.title ?? `Sparse autoencoders on ${shortened(file.data.source)}`;
  const merged = options.inputs ?? [];
  const about = { title, file, merged, records, latents: options.latents ?? {} };
  const inputs: ReportInputs = { ...about, configurations: all, notes, pareto, figures, leftOut };
  const sections = [opening, summary, paretoSection, results, places, recovery, responses, seeds, compared, closing];
  const blocks: Block[] = sections.flatMap((section) => section(inputs));
  files.set("index.html", reportPage({ title, blocks, drawings }));
  files.set("report.md", markdown(title, blocks));
  files.set("metrics.csv", metricsCsv(records));
  files.set("table.tex", latexTable(recordsTable(all), title));
  for (const [name, text] of gridFiles(file, all)) files.set(name, text);
  files.set("pareto_optimal_configs.json", paretoFile(file, pareto));
  return files;

  function responses(inputs: ReportInputs): Block[] {
    return textsSection(inputs, options.texts ?? {});
  }

  function compared(inputs: ReportInputs): Block[] {
    return comparison(inputs, options.compare);
  }
}
