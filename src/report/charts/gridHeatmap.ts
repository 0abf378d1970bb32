import { type Configuration, distinct, panelsOf, valuesOf } from "../configurations.ts";
import { formatNumber, formatValue, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { type Chart, defineChart } from "./chart.ts";
import { heatmap } from "./heatmap.ts";

/** What distinguishes one of the grid's heatmaps from the others. */
interface GridHeatmap {
  readonly name: string;
  readonly key: string;
  readonly title: string;
  readonly caption: string;
  readonly scheme: string;
  readonly reverse?: boolean;
  readonly domain?: readonly [number, number];
  readonly format: string;
}

/** More grids than this are shown by layer and position instead. */
const mostPanels = 8;

/** A heatmap of one metric: dictionary sizes down, k across, the mean over seeds in each cell; one panel a grid. */
export function gridHeatmap({
  name,
  key,
  title,
  caption,
  scheme,
  reverse = false,
  domain,
  format,
}: GridHeatmap): Chart {
  return defineChart({
    name,
    title,
    caption,
    spec(configurations, { width }) {
      const panels = panelsOf(configurations);
      const measured = configurations.some((one) => valuesOf(one, key).mean !== null);
      if (!measured || panels.length > mostPanels) return null;
      const ks = distinct(configurations, "k");
      const dims = distinct(configurations, "latent_dim");
      const at = new Map(configurations.map((one) => [address(one.panel, one.row.latent_dim, one.row.k), one]));
      const cells = panels.flatMap((panel) =>
        dims.flatMap((dim) =>
          ks.map((k) => ({ x: kName(k), y: String(dim), panel, ...contents(at.get(address(panel, dim, k))) })),
        ),
      );
      return heatmap({
        title,
        cells,
        xs: ks.map(kName),
        ys: dims.map(String),
        panels,
        width,
        scheme,
        reverse,
        format,
        ...(domain ? { domain } : {}),
        xTitle: "Sparsity Level (K)",
        yTitle: "Dictionary Size (latent_dim)",
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

/** How k is named in a figure; architectures without one have `none`. */
export const kName = (k: number | null): string => (k === null ? "none" : formatValue("k", k));

const address = (panel: string, latentDim: number, k: number | null) => JSON.stringify([panel, latentDim, k]);
