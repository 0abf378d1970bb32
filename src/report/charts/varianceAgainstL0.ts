import { groupBy } from "../../util/group.ts";
import { type Configuration, distinct, meanOf } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { axisScale } from "./axisScale.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { panelSizes } from "./panels.ts";
import { lineColors } from "./theme.ts";
import { thinned } from "./thin.ts";

const mostPanels = 12;
/** More dictionary sizes than this are a scale of colours, and no lines. */
const mostSizes = 24;
const height = 260;

/**
 * Centred explained variance against the measured L0, on a log axis: the picture in which SAEs of any kind can be compared, whether k, a
 * coefficient or a threshold makes them sparse. Colour by dictionary size, shape and dashes by architecture, a panel for everything else that differs.
 */
export const varianceAgainstL0 = defineChart({
  name: "variance_against_l0",
  section: "quality",
  title: "Explained Variance (Centred) against Measured L0",
  caption: "One point an SAE, the mean over its seeds; predicting the mean row scores 0. Logarithmic L0 axis.",
  leftOut(all) {
    const panels = new Set(all.filter(isMeasured).map(({ panel }) => panel)).size;
    return panels > mostPanels ? `${panels} panels are too many` : undefined;
  },
  spec(all, { width }) {
    const every = all.filter(isMeasured);
    const panels = [...new Set(every.map(({ panel }) => panel))];
    if (every.length < 2 || panels.length > mostPanels) return null;
    const sizes = distinct(every, "latent_dim").map(String);
    const narrow = width < 500;
    const size = panelSizes(panels.length, width, { least: 180, most: 520, legend: narrow ? 0 : 80 });
    const measured = [...groupBy(every, ({ panel }) => panel).values()].flatMap((members) => thin(members, size.width));
    // A line through some of the points would join what are no neighbours.
    const lines = measured.length === every.length && sizes.length <= mostSizes;
    const values = measured.map((one) => {
      const [l0, variance] = [meanOf(one, "l0_mean")!, varianceOf(one)!];
      const tip = `${one.label}: explained variance (centred) ${formatNumber(".3f", variance)} at L0 ${formatNumber(".1f", l0)}`;
      const { architecture, latent_dim } = one.record;
      return { panel: one.panel, architecture, latents: String(latent_dim), l0, variance, tip };
    });
    const architectures = [...new Set(values.map(({ architecture }) => architecture))];
    const architecture = {
      ...{ field: "architecture", type: "nominal", sort: architectures },
      // Beside the plot, or below it with the other legend, it would be wider than a telephone.
      ...(narrow ? { legend: { orient: "top", columns: 2 } } : {}),
    };
    const plot = {
      width: size.width,
      height,
      mark: lines ? { type: "line", point: { size: 50 }, strokeWidth: 1.5 } : { type: "point", filled: true, size: 50 },
      encoding: {
        x: {
          field: "l0",
          type: "quantitative",
          title: "L0 (measured)",
          scale: { type: "log", nice: false },
          axis: { format: "~g", tickCount: 5, grid: false },
        },
        y: { field: "variance", type: "quantitative", title: "Explained variance (centred)", scale: { zero: false } },
        ...(lines ? { order: { field: "l0" } } : {}),
        ...(architectures.length > 1
          ? {
              shape: architecture,
              ...(lines ? { strokeDash: architecture } : {}),
            }
          : {}),
        color: {
          field: "latents",
          ...(sizes.length > mostSizes
            ? {
                type: "quantitative",
                title: "latents",
                scale: { scheme: "viridis" },
                legend: { orient: narrow ? "bottom" : "right" },
              }
            : {
                type: "ordinal",
                sort: sizes,
                title: "latents",
                scale: lineColors(sizes),
                legend: narrow ? { orient: "bottom", columns: 4 } : { orient: "right" },
              }),
        },
        description: { field: "tip" },
        tooltip: { field: "tip" },
      },
    };
    const subtitle = `${measured.length} of ${every.length} points are drawn; the others would lie on these.`;
    const some = measured.length < every.length ? { subtitle } : {};
    return figure({ title: varianceAgainstL0.title, ...some, width, values, panels, columns: size.columns, plot });
  },
});

const isMeasured = (one: Configuration) => (meanOf(one, "l0_mean") ?? 0) > 0 && varianceOf(one) !== null;

/** The points of a panel that can be told apart. */
function thin(members: readonly Configuration[], width: number): readonly Configuration[] {
  const l0 = (one: Configuration) => meanOf(one, "l0_mean")!;
  const x = axisScale(members.map(l0), { log: true, length: width, before: 0, after: 0 });
  const y = axisScale(members.map(varianceOf) as number[], { log: false, length: height, before: 0, after: 0 });
  return thinned(members, (one) => ({ x: x.pixel(l0(one)), y: y.pixel(varianceOf(one)!) }), 4);
}

const varianceOf = (one: Configuration) => meanOf(one, "explained_variance_centered");
