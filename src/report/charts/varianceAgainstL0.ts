import { type Configuration, distinct, meanOf } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { panelSizes } from "./panels.ts";
import { lineColors } from "./theme.ts";

const mostPanels = 12;

/**
 * Centred explained variance against the measured L0, on a log axis: the picture in which SAEs of any kind can be compared, whether k, a
 * coefficient or a threshold makes them sparse. Colour by dictionary size, shape and dashes by architecture, a panel for everything else that differs.
 */
export const varianceAgainstL0 = defineChart({
  name: "variance_against_l0",
  section: "quality",
  title: "Explained Variance (Centred) against Measured L0",
  caption: "One point an SAE, the mean over its seeds; predicting the mean row scores 0. Logarithmic L0 axis.",
  spec(all, { width }) {
    const measured = all.filter((one) => (meanOf(one, "l0_mean") ?? 0) > 0 && varianceOf(one) !== null);
    const panels = [...new Set(measured.map(({ panel }) => panel))];
    if (measured.length < 2 || panels.length > mostPanels) return null;
    const sizes = distinct(measured, "latent_dim").map(String);
    const values = measured.map((one) => {
      const [l0, variance] = [meanOf(one, "l0_mean")!, varianceOf(one)!];
      const tip = `${one.label}: explained variance (centred) ${formatNumber(".3f", variance)} at L0 ${formatNumber(".1f", l0)}`;
      const { architecture, latent_dim } = one.record;
      return { panel: one.panel, architecture, latents: String(latent_dim), l0, variance, tip };
    });
    const architectures = [...new Set(values.map(({ architecture }) => architecture))];
    const narrow = width < 500;
    const size = panelSizes(panels.length, width, { least: 180, most: 520, legend: narrow ? 0 : 80 });
    const plot = {
      width: size.width,
      height: 260,
      mark: { type: "line", point: { size: 50 }, strokeWidth: 1.5 },
      encoding: {
        x: {
          field: "l0",
          type: "quantitative",
          title: "L0 (measured)",
          scale: { type: "log", nice: false },
          axis: { format: "~g", tickCount: 5, grid: false },
        },
        y: { field: "variance", type: "quantitative", title: "Explained variance (centred)", scale: { zero: false } },
        order: { field: "l0" },
        ...(architectures.length > 1
          ? {
              shape: { field: "architecture", type: "nominal", sort: architectures },
              strokeDash: { field: "architecture", type: "nominal", sort: architectures },
            }
          : {}),
        color: {
          field: "latents",
          type: "ordinal",
          sort: sizes,
          title: "latents",
          scale: lineColors(sizes),
          legend: narrow ? { orient: "bottom", columns: 4 } : { orient: "right" },
        },
        description: { field: "tip" },
        tooltip: { field: "tip" },
      },
    };
    return figure({ title: varianceAgainstL0.title, width, values, panels, columns: size.columns, plot });
  },
});

const varianceOf = (one: Configuration) => meanOf(one, "explained_variance_centered");
