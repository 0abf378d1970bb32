import { axisName, axisTitle } from "../axes.ts";
import { type Configuration, panelsOf, placesOn, valuesOf } from "../configurations.ts";
import { formatNumber, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { type Chart, defineChart, type SectionName } from "./chart.ts";
import { heatmap, mostCells } from "./heatmap.ts";

/** What distinguishes one of the grid's heatmaps from the others. */
interface GridHeatmap {
  readonly name: string;
  readonly section: SectionName;
  readonly key: string;
  readonly title: string;
  readonly caption: string;
  readonly scheme: string;
  readonly reverse?: boolean;
  readonly domain?: readonly [number, number];
  readonly format: string;
}

/** More grids than this are shown by layer and position where these vary; otherwise three times as many are drawn. */
const mostPanels = 8;

/** A heatmap of one metric in the plane of what varies (dictionary sizes down, k across), the mean over seeds in each cell; one panel a grid. */
export function gridHeatmap(options: GridHeatmap): Chart {
  const { name, section, key, title, caption, scheme, reverse = false, domain, format } = options;
  return defineChart({
    name,
    section,
    title,
    caption,
    leftOut(configurations) {
      const count = panelsOf(configurations).length;
      if (count > mostPanels * 3) return isPlaced(configurations) ? undefined : `${count} grids are too many`;
      const cells = count * placesOn("x", configurations).length * placesOn("y", configurations).length;
      return cells > mostCells ? `${cells} cells are too many` : undefined;
    },
    spec(configurations, { width }) {
      const panels = panelsOf(configurations);
      const measured = configurations.some((one) => valuesOf(one, key).mean !== null);
      // One cell alone shows nothing that its number does not.
      if (!measured || configurations.length < 2) return null;
      const { axes } = configurations[0]!;
      if (panels.length > mostPanels * (isPlaced(configurations) ? 1 : 3)) return null;
      const [xs, ys] = [placesOn("x", configurations), placesOn("y", configurations)];
      const at = new Map(configurations.map((one) => [address(one.panel, one.x, one.y), one]));
      const cells = panels.flatMap((panel) =>
        ys.flatMap((y) => xs.map((x) => ({ x, y, panel, ...contents(at.get(address(panel, x, y))) }))),
      );
      return heatmap({
        ...{ title, cells, xs, ys, panels, width, scheme, reverse, format },
        ...(domain ? { domain } : {}),
        xTitle: axisTitle(axes.x),
        yTitle: axisTitle(axes.y),
        yShort: axisName(axes.y),
        legendTitle: infoOf(key).label,
      });
    },
  });

  function contents(configuration: Configuration | undefined) {
    const label = infoOf(key).label;
    if (!configuration) return { value: null, label: noValue, tip: `${label}: no such SAE in the files` };
    const { mean, sd, n } = valuesOf(configuration, key);
    const spread = sd === null ? "" : ` (mean of ${n} seeds, standard deviation ${formatNumber(".2g", sd)})`;
    const tip = `${configuration.label}: ${label} ${mean === null ? "not measured" : formatNumber(format, mean)}${spread}`;
    return { value: mean, label: mean === null ? noValue : formatNumber(format, mean), tip };
  }
}

const isPlaced = ([first]: readonly Configuration[]): boolean =>
  ["layer", "position"].some((key) => first?.axes.varying.includes(key));

const address = (panel: string, x: string, y: string) => JSON.stringify([panel, x, y]);
