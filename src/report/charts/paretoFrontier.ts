import type { TopLevelSpec } from "vega-lite";
import { type Configuration, dataGroup, meanOf, panelsOf } from "../configurations.ts";
import { infoOf } from "../keys.ts";
import { type Objective, objectivesText } from "../pareto.ts";
import { type AxisScale, logAxis, ticksAt } from "./axisScale.ts";
import { type ChartContext, defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { isSize, labelSize, type Plane, paretoPoints } from "./paretoPoints.ts";
import { stepOf } from "./staircase.ts";
import { faint, font, ink, withTitleAbove } from "./theme.ts";

/** More than this are too many panels to compare. */
const mostPanels = 6;
/** More dictionary sizes than this are a scale of colours. */
const mostSizes = 60;
const frontierColor = "#cf222e";
const dominatedColor = "#afb8c1";

/**
 * Configurations in the plane of the rule's first two objectives: the Pareto set coloured by dictionary size, the rest grey, and as
 * a staircase the best value to be had within each budget. A panel for each grid, with the staircase of all SAEs on its activations;
 * of many grids, or grids of one SAE, one for each set of activations.
 */
export const paretoFrontier = defineChart({
  name: "pareto_frontier",
  section: "pareto",
  title: "Pareto Frontier: Quality against Sparsity",
  caption:
    "The staircase is the best value to be had within each budget. Grey points are dominated under the rule in the figure's subtitle.",
  leftOut(all, context) {
    const count = planOf(all, context)?.panels.length ?? 0;
    return count > mostPanels ? `${count} panels are too many` : undefined;
  },
  spec(all, context) {
    const plan = planOf(all, context);
    // One point is no frontier.
    return !plan || all.length < 2 || plan.known.length === 0 || plan.panels.length > mostPanels
      ? null
      : draw(plan.known, plan, context);
  },
});

/** The axes, the configurations that have a place on both, and the panels; nothing with one objective alone. */
function planOf(all: readonly Configuration[], { pareto }: Pick<ChartContext, "pareto">) {
  const [first, second] = pareto.rule.objectives;
  if (!first || !second) return undefined;
  const [x, y] = first.direction === "min" && second.direction === "max" ? [first, second] : [second, first];
  const known = all.filter((one) => meanOf(one, x.key) !== null && meanOf(one, y.key) !== null);
  const grids = panelsOf(known).length;
  const few = grids <= mostPanels && known.length >= 2 * grids;
  const panelOf = (one: Configuration) => (few && one.panel) || dataGroup(one);
  return { known, x, y, panelOf, panels: [...new Set(known.map(panelOf))] };
}

interface Drawn {
  readonly panels: readonly string[];
  readonly panelOf: (one: Configuration) => string;
  readonly x: Objective;
  readonly y: Objective;
}

function draw(
  all: readonly Configuration[],
  { panels, panelOf, x, y }: Drawn,
  { width, pareto }: ChartContext,
): TopLevelSpec {
  const narrow = width < 500;
  const columns = panels.length > 1 && !narrow ? 2 : 1;
  const room = Math.min(width, 720) - (narrow ? 60 : 150);
  const plane: Plane = {
    x,
    y,
    width: Math.floor(room / columns) - (columns > 1 ? 40 : 0),
    height: narrow ? 300 : panels.length > 1 ? 280 : 400,
  };
  const { values, drawn, xs, xScale, yScale } = paretoPoints(all, plane, pareto, panelOf);
  const xAxis = { grid: false, ...xTicks(x.key, xs, xScale, plane.width) };
  const yAxis = { format: tickFormat(y.key, yScale.domain) };
  const yEncoding = {
    field: "y",
    type: "quantitative",
    title: titleOf(y),
    scale: { domain: yScale.domain, zero: false, nice: false },
    axis: yAxis,
  };
  const axes = {
    x: {
      field: "x",
      type: "quantitative",
      title: titleOf(x),
      scale: { type: xScale.type, domain: xScale.domain, nice: false },
      axis: xAxis,
    },
    // Above a panel stands its name.
    y: panels.length > 1 ? yEncoding : withTitleAbove(yEncoding, 34),
  };
  const sizes = [...new Set(all.map(({ record }) => record.latent_dim))].sort((a, b) => a - b);
  const legend = narrow
    ? { orient: "bottom", symbolSize: 110, columns: Math.floor(plane.width / 70) }
    : { orient: "right", symbolSize: 110, columns: Math.ceil(sizes.length / 20) };
  const title = "latent_dim";
  const fill = {
    field: "latent_dim",
    ...(sizes.length > mostSizes
      ? { type: "quantitative", title, scale: { scheme: "viridis" }, legend: { orient: legend.orient } }
      : { type: "ordinal", sort: sizes, title, scale: { domain: sizes, scheme: "viridis" }, legend }),
  };
  const point = { type: "point", shape: "circle", filled: true, opacity: 1 };
  const line = { type: "line", stroke: frontierColor, strokeDash: [6, 4], strokeWidth: 1.5, aria: false };
  const align = { expr: "datum.align" };
  const text = { type: "text", align, baseline: "middle", fontSize: labelSize, font, color: ink, aria: false };
  const leaderEnds = { x: pixels("fromX"), y: pixels("fromY"), x2: { field: "toX" }, y2: { field: "y" } };
  const plot = {
    width: plane.width,
    height: plane.height,
    layer: [
      {
        name: "frontier",
        transform: only("datum.kind === 'stairs'"),
        mark: { ...line, interpolate: stepOf(x.direction) },
        encoding: axes,
      },
      {
        name: "leader",
        transform: only("datum.kind === 'label' && datum.moved"),
        mark: { type: "rule", stroke: faint, strokeWidth: 0.7, aria: false },
        encoding: leaderEnds,
      },
      {
        name: "dominated",
        transform: only("datum.kind === 'point' && !datum.optimal"),
        mark: { ...point, size: 60, fill: dominatedColor },
        encoding: { ...axes, ...described },
      },
      {
        name: "optimal",
        transform: only("datum.kind === 'point' && datum.optimal"),
        mark: { ...point, size: 110, stroke: frontierColor, strokeWidth: 1 },
        encoding: { ...axes, ...described, fill },
      },
      {
        name: "ink",
        transform: only("datum.kind === 'label'"),
        mark: text,
        encoding: { x: pixels("x"), y: pixels("y"), text: { field: "text" } },
      },
    ],
  };
  const { rule, optimal, dominated } = pareto;
  const count = `${optimal.length} of ${optimal.length + dominated.length} are Pareto-optimal`;
  const thin = drawn < all.length ? `; ${drawn} points are drawn, the others would lie on these` : "";
  const subtitle = `${objectivesText(rule.objectives)}, ${rule.dominance} dominance: ${count}${thin}`;
  return figure({ title: paretoFrontier.title, subtitle, width, values, panels, columns, plot });
}

const described = { description: { field: "tip" }, tooltip: { field: "tip" } };

/** Ticks at the sizes there are; of a mean of counts, which has no such, at round numbers. */
function xTicks(key: string, xs: readonly number[], scale: AxisScale, width: number): object {
  if (key === "l0_mean" && scale.type === "log") return logAxis(...scale.domain, width);
  return { format: "~", ...(isSize(key) ? { values: ticksAt(xs, scale) } : {}) };
}

/** Enough decimals to tell the ticks of an axis apart. */
function tickFormat(key: string, [low, high]: readonly [number, number]): string {
  const decimals = Math.max(2, 1 - Math.floor(Math.log10(high - low)));
  return infoOf(key).format.replace(/\.\d+f/, `.${decimals}f`);
}

const only = (filter: string) => [{ filter }];

/** A position given in pixels; the plot's scale does not apply. */
const pixels = (field: string) => ({ field, type: "quantitative", scale: null, axis: null });

const titleOf = ({ key, direction }: Objective) =>
  `${key === "k" ? "Sparsity Level (K)" : infoOf(key).label}, ${direction === "max" ? "higher" : "lower"} is better`;
