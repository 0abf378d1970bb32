import type { TopLevelSpec } from "vega-lite";
import { logAxis } from "./axisScale.ts";
import { figure } from "./figure.ts";
import { panelSizes } from "./panels.ts";

/** Some numbers above zero, counted in bins of a log axis. */
export interface HistogramPanel {
  readonly panel: string;
  readonly values: readonly number[];
  /** How many are zero: they have no place on a log axis and are named in the panel's title. */
  readonly zeros: number;
}

const binsPerDecade = 5;

/** Histograms on one logarithmic axis, a panel each; five bins a decade; tooltips give each bin's bounds and count. */
export function logHistogram(options: {
  readonly title: string;
  readonly xTitle: string;
  readonly panels: readonly HistogramPanel[];
  /** What a zero is called, e.g. `dead`. */
  readonly zeroName: string;
  readonly width: number;
}): TopLevelSpec {
  const { title, xTitle, panels, zeroName, width } = options;
  const titled = panels.map(({ panel, values, zeros }) => ({ values, panel: `${panel} (${zeros} ${zeroName})` }));
  const bars = titled.flatMap(({ panel, values }) => binsOf(values).map((bin) => ({ panel, ...bin })));
  const [low, high] = [Math.min(...bars.map(({ from }) => from)), Math.max(...bars.map(({ to }) => to))];
  const size = panelSizes(panels.length, width, { least: 150, most: 420 });
  const order = titled.map(({ panel }) => panel);
  const plot = {
    width: size.width,
    height: 120,
    mark: { type: "bar", binSpacing: 0.5, color: "#4c78a8" },
    encoding: {
      x: {
        field: "from",
        bin: { binned: true },
        type: "quantitative",
        title: xTitle,
        scale: { type: "log", domain: [low, high], nice: false },
        axis: { ...logAxis(low, high, size.width), labelFlush: false, grid: false },
      },
      x2: { field: "to" },
      y: { field: "count", type: "quantitative", title: "Latents", axis: { tickCount: 4, tickMinStep: 1 } },
      description: { field: "tip" },
      tooltip: { field: "tip" },
    },
  };
  return figure({ title, width, values: bars, panels: order, named: true, columns: size.columns, plot });
}

/** The bins that hold something: `[from, to)` and how many. */
export function binsOf(values: readonly number[]): { from: number; to: number; count: number; tip: string }[] {
  const counts = new Map<number, number>();
  for (const value of values) {
    const bin = Math.floor(Math.log10(value) * binsPerDecade + 1e-9);
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bin, count]) => {
      const [from, to] = [10 ** (bin / binsPerDecade), 10 ** ((bin + 1) / binsPerDecade)];
      return {
        from,
        to,
        count,
        tip: `${count} latent${count === 1 ? "" : "s"} from ${from.toPrecision(2)} to ${to.toPrecision(2)}`,
      };
    });
}
