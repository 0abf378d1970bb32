import { axisName } from "../axes.ts";
import { type Configuration, placesOn } from "../configurations.ts";
import { logAxis } from "./axisScale.ts";
import { type Chart, type ChartContext, defineChart, type LatentStatistics } from "./chart.ts";
import { figure } from "./figure.ts";
import { logHistogram } from "./histogram.ts";
import { fieldOf, panelSizes, rowOfPanels } from "./panels.ts";
import { lineColors } from "./theme.ts";

/** More SAEs than this are too many small panels; the first are drawn. */
const mostPanels = 24;
/** Points kept of a sorted curve. */
const mostPoints = 120;

/** How often latents fire: a histogram on a log axis for each SAE, dead latents counted in its title. */
export const latentFrequency = histogramOf("frequency", {
  name: "latent_frequency",
  section: "latents",
  title: "How Often Latents Fire",
  caption:
    "Share of rows in which each latent is not zero; logarithmic axis, five bins a decade. Of several seeds the lowest is drawn.",
  xTitle: "Share of rows",
});

/** How strong latents are where they fire: a histogram on a log axis for each SAE. */
export const latentMagnitude = histogramOf("mean_activation", {
  name: "latent_magnitude",
  section: "latents",
  title: "Activation Magnitude by Latent",
  caption: "Mean of |activation| of each latent over the rows in which it fires; logarithmic axis, five bins a decade.",
  xTitle: "Mean |activation|",
});

/** Latents sorted by how often they fire: a panel for each dictionary size, a curve for each k or what else varies. */
export const latentsSorted = defineChart({
  name: "latents_sorted",
  section: "latents",
  title: "Latents Sorted by Frequency",
  caption:
    "Share of rows in which a latent fires against its rank; both axes logarithmic; a curve ends where the dead latents begin.",
  spec(all, context) {
    const drawn = measured(all, context);
    const panels = [...new Set(drawn.map(({ one }) => rowOfPanels(one)))];
    if (drawn.length === 0 || panels.length > mostPanels) return null;
    const { x } = drawn[0]!.one.axes;
    const xs = placesOn(
      "x",
      drawn.map(({ one }) => one),
    );
    const values = drawn.flatMap(({ one, statistics }) => {
      const alive = Array.from(statistics.frequency)
        .filter((value) => value > 0)
        .sort((a, b) => b - a);
      const tip = `${one.label}: ${alive.length} latents fire, the most frequent in ${((alive[0] ?? 0) * 100).toPrecision(3)}% of rows`;
      return ranksOf(alive.length).map((rank) => ({
        panel: rowOfPanels(one),
        [fieldOf(x)]: one.x,
        rank,
        frequency: alive[rank - 1]!,
        tip,
      }));
    });
    const narrow = context.width < 500;
    const size = panelSizes(panels.length, context.width, { least: 180, most: 520, legend: narrow ? 0 : 60 });
    const log = { type: "log", nice: false };
    const plot = {
      width: size.width,
      height: 220,
      mark: { type: "line", strokeWidth: 1.5 },
      encoding: {
        x: {
          field: "rank",
          type: "quantitative",
          title: "Rank",
          scale: log,
          axis: { ...logAxis(1, Math.max(...values.map(({ rank }) => rank)), size.width), grid: false },
        },
        y: {
          field: "frequency",
          type: "quantitative",
          title: "Share of rows",
          scale: log,
          axis: logAxis(Math.min(...values.map(({ frequency }) => frequency)), 1, 220),
        },
        color: {
          field: fieldOf(x),
          type: "ordinal",
          sort: xs,
          title: axisName(x),
          scale: lineColors(xs),
          legend: narrow ? { orient: "bottom", columns: 5 } : { orient: "right" },
        },
        description: { field: "tip" },
        tooltip: { field: "tip" },
      },
    };
    return figure({
      title: latentsSorted.title,
      width: context.width,
      values,
      panels,
      named: true,
      columns: size.columns,
      plot,
    });
  },
});

function histogramOf(field: keyof LatentStatistics, options: Omit<Chart, "spec"> & { readonly xTitle: string }): Chart {
  const { xTitle, ...chart } = options;
  return defineChart({
    ...chart,
    spec(all, context) {
      const panels = measured(all, context)
        .slice(0, mostPanels)
        .map(({ one, statistics }) => {
          const values = Array.from(statistics[field]).filter((value) => value > 0);
          return { panel: one.label, values, zeros: statistics[field].length - values.length };
        });
      if (panels.every(({ values }) => values.length === 0)) return null;
      return logHistogram({ title: chart.title, xTitle, panels, zeroName: "dead", width: context.width });
    },
  });
}

/** The configurations whose lowest seed has per-latent statistics. */
const measured = (all: readonly Configuration[], { latents }: ChartContext) =>
  all.flatMap((one) => {
    const statistics = latents[one.record.name];
    return statistics ? [{ one, statistics }] : [];
  });

/** Ranks 1 to n, thinned evenly on a log axis to at most `mostPoints`; the first and last always among them. */
function ranksOf(n: number): number[] {
  const all = Array.from({ length: Math.min(n, mostPoints) }, (_, i, of = Math.min(n, mostPoints)) =>
    of === n ? i + 1 : Math.round(n ** (i / (of - 1))),
  );
  return [...new Set(all)];
}
