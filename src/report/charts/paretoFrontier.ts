import type { TopLevelSpec } from "vega-lite";
import { type Configuration, cellLabel, dataGroup, meanOf } from "../configurations.ts";
import { formatValue, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { type Objective, objectivesText, type ParetoResult, paretoSet } from "../pareto.ts";
import { type ChartContext, defineChart } from "./chart.ts";
import { type Box, placeLabels } from "./placeLabels.ts";
import { faint, font, ink, schema, textWidth, theme, withTitleAbove, wrapped } from "./theme.ts";

const mostGroups = 6;
const mostLabels = 40;
const frontierColor = "#cf222e";
const dominatedColor = "#afb8c1";

/**
 * Configurations in the plane of the rule's first two objectives: the Pareto set coloured by dictionary size, the rest grey, and as
 * a staircase the best value to be had within each budget.
 */
export const paretoFrontier = defineChart({
  name: "pareto_frontier",
  title: "Pareto Frontier: Quality against Sparsity",
  caption:
    "The staircase is the best value to be had within each budget. Grey points are dominated under the rule in the figure's subtitle.",
  spec(all, context) {
    const [first, second] = context.pareto.rule.objectives;
    if (!first || !second) return null;
    const [x, y] = first.direction === "min" && second.direction === "max" ? [first, second] : [second, first];
    const known = all.filter((one) => meanOf(one, x.key) !== null && meanOf(one, y.key) !== null);
    const groups = [...new Set(known.map(dataGroup))];
    if (known.length === 0 || groups.length > mostGroups) return null;
    return draw(known, groups, x, y, context);
  },
});

function draw(
  all: readonly Configuration[],
  groups: readonly string[],
  x: Objective,
  y: Objective,
  context: ChartContext,
): TopLevelSpec {
  const { pareto } = context;
  const narrow = context.width < 500;
  const columns = groups.length > 1 && !narrow ? 2 : 1;
  const width = Math.floor((Math.min(context.width, 720) - (narrow ? 60 : 150)) / columns) - (columns > 1 ? 40 : 0);
  const height = narrow ? 300 : groups.length > 1 ? 280 : 400;
  const xScale = scaleOf(
    all.map((one) => meanOf(one, x.key)!),
    isSize(x.key),
    width,
    0.04,
    0.14,
  );
  const yScale = scaleOf(
    all.map((one) => meanOf(one, y.key)!),
    false,
    height,
    0.08,
    0.08,
  );
  const optimal = new Set(pareto.optimal);
  // The best point first: it is the one whose label must stand.
  const points = all
    .toSorted((a, b) => Number(optimal.has(b)) - Number(optimal.has(a)))
    .map((one) => ({
      one,
      group: dataGroup(one),
      ...{ x: meanOf(one, x.key)!, y: meanOf(one, y.key)!, latent_dim: one.row.latent_dim },
      optimal: optimal.has(one),
      tip: tipOf(one, pareto),
    }));
  const labels = groups.flatMap((group) => {
    const inGroup = points.filter((point) => point.group === group);
    const named = inGroup.length > mostLabels ? inGroup.filter((point) => point.optimal) : inGroup;
    const at = named.map((point) => ({
      x: xScale.pixel(point.x),
      y: height - yScale.pixel(point.y),
      text: labelOf(point.one, x.key),
    }));
    const corners = stairs(
      inGroup.map(({ one }) => one),
      x,
      y,
      xScale.domain,
    );
    const treads = corners.map((corner) => ({ x: xScale.pixel(corner.x), y: height - yScale.pixel(corner.y) }));
    const lines = linesOf(treads, x.direction);
    return placeLabels(at, { width, height }, (text) => textWidth(text, 10), lines).flatMap((place, index) => {
      const { x: px, y: py, text } = at[index]!;
      if (!place) return [];
      const start = place.x > px ? place.x - 2 : place.x + place.width + 2;
      return {
        group,
        text,
        x: place.x,
        y: place.y,
        fromX: px,
        fromY: py,
        toX: start,
        moved: place.moved,
        optimal: named[index]!.optimal,
      };
    });
  });
  const staircase = groups.flatMap((group) =>
    stairs(
      points.filter((point) => point.group === group).map(({ one }) => one),
      x,
      y,
      xScale.domain,
    ).map((corner) => ({ group, ...corner })),
  );
  const sizes = [...new Set(all.map(({ row }) => row.latent_dim))].sort((a, b) => a - b);
  const ticks = isSize(x.key)
    ? ticksOf(
        points.map((point) => point.x),
        (value) => xScale.pixel(value),
      )
    : undefined;
  const axes = {
    x: {
      field: "x",
      type: "quantitative",
      title: axisTitle(x),
      scale: { type: xScale.type, domain: xScale.domain, nice: false },
      axis: { values: ticks, format: "~", grid: false },
    },
    y: withTitleAbove(
      {
        field: "y",
        type: "quantitative",
        title: axisTitle(y),
        scale: { domain: yScale.domain, zero: false, nice: false },
        axis: { format: infoOf(y.key).format.replace(/\.\d+f/, ".2f") },
      },
      34,
    ),
  };
  const plot = {
    width,
    height,
    layer: [
      {
        name: "frontier",
        transform: [{ filter: "datum.kind === 'stairs'" }],
        mark: {
          type: "line",
          interpolate: x.direction === "min" ? "step-after" : "step-before",
          stroke: frontierColor,
          strokeDash: [6, 4],
          strokeWidth: 1.5,
          aria: false,
        },
        encoding: axes,
      },
      {
        name: "leader",
        transform: [{ filter: "datum.kind === 'label' && datum.moved" }],
        mark: { type: "rule", stroke: faint, strokeWidth: 0.7, aria: false },
        encoding: { x: pixels("fromX"), y: pixels("fromY"), x2: { field: "toX" }, y2: { field: "y" } },
      },
      {
        name: "dominated",
        transform: [{ filter: "datum.kind === 'point' && !datum.optimal" }],
        mark: { type: "point", shape: "circle", filled: true, size: 60, fill: dominatedColor, opacity: 1 },
        encoding: { ...axes, ...described },
      },
      {
        name: "optimal",
        transform: [{ filter: "datum.kind === 'point' && datum.optimal" }],
        mark: {
          type: "point",
          shape: "circle",
          filled: true,
          size: 110,
          stroke: frontierColor,
          strokeWidth: 1,
          opacity: 1,
        },
        encoding: {
          ...axes,
          ...described,
          fill: {
            field: "latent_dim",
            type: "ordinal",
            sort: sizes,
            title: "latent_dim",
            scale: { domain: sizes, scheme: "viridis" },
            legend: { orient: narrow ? "bottom" : "right", symbolSize: 110 },
          },
        },
      },
      {
        name: "ink",
        transform: [{ filter: "datum.kind === 'label'" }],
        mark: { type: "text", align: "left", baseline: "middle", fontSize: 10, font, color: ink, aria: false },
        encoding: { x: pixels("x"), y: pixels("y"), text: { field: "text" } },
      },
    ],
  };
  const kinds = (kind: string, items: readonly object[]) => items.map((item) => ({ kind, ...item }));
  const values = [
    ...kinds("stairs", staircase),
    ...kinds(
      "point",
      points.map(({ one: _, ...point }) => point),
    ),
    ...kinds("label", labels),
  ];
  const subtitle = wrapped(
    `${objectivesText(pareto.rule.objectives)}, ${pareto.rule.dominance} dominance: ${pareto.optimal.length} of ${pareto.optimal.length + pareto.dominated.length} are Pareto-optimal`,
    context.width - 40,
    11,
  );
  const title = { text: wrapped(paretoFrontier.title, context.width), subtitle };
  const shared = { $schema: schema, title, data: { values }, config: theme };
  const several = { facet: { field: "group", sort: groups, title: null }, columns, spec: plot };
  return { ...shared, ...(groups.length > 1 ? several : plot) } as unknown as TopLevelSpec;
}

const described = { description: { field: "tip" }, tooltip: { field: "tip" } };

/** A position given in pixels; the plot's scale does not apply. */
const pixels = (field: string) => ({ field, type: "quantitative", scale: null, axis: null });

/** Sizes and counts of latents spread over decades. */
const isSize = (key: string) => ["k", "latent_dim", "l0_mean"].includes(key);

const axisTitle = ({ key, direction }: Objective) =>
  `${key === "k" ? "Sparsity Level (K)" : infoOf(key).label}, ${direction === "max" ? "higher" : "lower"} is better`;

/** `d=512` where x already says k, else both. */
const labelOf = ({ row }: Configuration, xKey: string) => (xKey === "k" ? `d=${row.latent_dim}` : cellLabel(row));

function tipOf(one: Configuration, pareto: ParetoResult<Configuration>): string {
  const values = pareto.rule.objectives.map(({ key }) => `${infoOf(key).label} ${formatValue(key, meanOf(one, key))}`);
  const by = pareto.dominated.find(({ item }) => item === one)?.by;
  return `${one.label}: ${values.join(", ")}; ${by ? `dominated by ${by[0]?.label ?? noValue}${by.length > 1 ? ` and ${by.length - 1} more` : ""}` : "Pareto-optimal"}`;
}

/** The corners of the staircase: where the best y so far rises, and the far end of the axis. */
function stairs(group: readonly Configuration[], x: Objective, y: Objective, domain: readonly [number, number]) {
  const rule = { objectives: [y, x], dominance: "standard" } as const;
  const corners = paretoSet(group, rule, meanOf)
    .optimal.map((one) => ({ x: meanOf(one, x.key)!, y: meanOf(one, y.key)! }))
    .toSorted((a, b) => a.x - b.x);
  const end = x.direction === "min" ? corners.at(-1) : corners[0];
  const tail = { x: x.direction === "min" ? domain[1] : domain[0], y: end!.y };
  return x.direction === "min" ? [...corners, tail] : [tail, ...corners];
}

/** The staircase's lines as obstacles, two pixels to either side. */
function linesOf(corners: readonly { x: number; y: number }[], direction: "min" | "max"): Box[] {
  return corners.slice(1).flatMap((to, index) => {
    const from = corners[index]!;
    const [level, upright] = direction === "min" ? [from.y, to.x] : [to.y, from.x];
    const [left, right] = [from.x, to.x];
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    return [
      { left, right, top: level - 2, bottom: level + 2 },
      { left: upright - 2, right: upright + 2, top, bottom },
    ];
  });
}

/** A linear or log scale over the values with room at both ends (shares of the length), and its pixels. */
function scaleOf(values: readonly number[], log: boolean, length: number, before: number, after: number) {
  const useLog = log && Math.min(...values) > 0;
  const to = useLog ? Math.log : (value: number) => value;
  const from = useLog ? Math.exp : (value: number) => value;
  const [low, high] = [to(Math.min(...values)), to(Math.max(...values))];
  const span = high - low || Math.abs(low) * 0.1 || 1;
  const domain = [from(low - before * span), from(high + after * span)] as const;
  const [start, end] = domain.map(to) as [number, number];
  return {
    type: useLog ? "log" : "linear",
    domain,
    pixel: (value: number) => ((to(value) - start) / (end - start)) * length,
  };
}

/** The values themselves as ticks, without those too close to write beside each other. */
function ticksOf(values: readonly number[], pixel: (value: number) => number): number[] {
  const ticks: number[] = [];
  for (const value of [...new Set(values)].sort((a, b) => a - b))
    if (ticks.length === 0 || pixel(value) - pixel(ticks.at(-1)!) >= 24) ticks.push(value);
  return ticks;
}
