import { groupBy } from "../../util/group.ts";
import { type Configuration, dataGroup, meanOf } from "../configurations.ts";
import { formatValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { mostDominators, type Objective, type ParetoResult, type ParetoRule } from "../pareto.ts";
import { textWidth, widest } from "../textWidth.ts";
import { type AxisScale, axisScale } from "./axisScale.ts";
import { placeLabels } from "./placeLabels.ts";
import { staircase, staircaseBoxes } from "./staircase.ts";
import { evenly, thinned } from "./thin.ts";

/** The plane the points lie in: its objectives and its size in pixels. */
export interface Plane {
  readonly x: Objective;
  readonly y: Objective;
  readonly width: number;
  readonly height: number;
}

/** Data of the Pareto plot, told apart by `kind`, and the scales they were placed with. */
export interface ParetoPoints {
  readonly values: readonly { readonly kind: "point" | "stairs" | "label"; readonly panel: string }[];
  /** How many points are among them: of those that lie on one another only the first. */
  readonly drawn: number;
  readonly xs: readonly number[];
  readonly xScale: AxisScale;
  readonly yScale: AxisScale;
}

/** More points than this in a group: only those of the Pareto set get a label, and of many of these some. */
const mostLabels = 40;

/** Font size of the labels in pixels. */
export const labelSize = 10;

/** Sizes and counts of latents spread over decades; other quantities do not. */
export const isSize = (key: string): boolean => ["k", "latent_dim", "l0_mean"].includes(key);

/** Points, staircases and labels of configurations that have both objectives, group by group; labels cover nothing. */
export function paretoPoints(
  configurations: readonly Configuration[],
  { x, y, width, height }: Plane,
  pareto: ParetoResult<Configuration>,
  panelOf: (one: Configuration) => string,
): ParetoPoints {
  const optimal = new Set(pareto.optimal);
  const dominators = new Map(pareto.dominated.map(({ item, by }) => [item, by]));
  const points = configurations
    .map((one) => ({
      kind: "point" as const,
      panel: panelOf(one),
      x: meanOf(one, x.key)!,
      y: meanOf(one, y.key)!,
      latent_dim: one.record.latent_dim,
      optimal: optimal.has(one),
      group: dataGroup(one),
      text: textOf(one, panelOf(one)),
      tip: tipOf(one, pareto.rule, dominators.get(one) ?? []),
    }))
    // The Pareto set first: its labels choose their places first.
    .toSorted((a, b) => Number(b.optimal) - Number(a.optimal));
  const xs = points.map((point) => point.x);
  const xScale = axisScale(xs, { log: isSize(x.key), length: width, before: 0.04, after: 0.14 });
  const ys = points.map((point) => point.y);
  const yScale = axisScale(ys, { log: false, length: height, before: 0.08, after: 0.08 });
  const pixels = (place: { x: number; y: number }) => ({
    x: xScale.pixel(place.x),
    y: height - yScale.pixel(place.y),
  });

  const lines = [...new Set(points.map(({ panel }) => panel))].flatMap((panel) => {
    const inPanel = points.filter((point) => point.panel === panel);
    // The best of all SAEs on the same activations, whatever panel they are in.
    const inGroup = points.filter(({ group }) => group === inPanel[0]!.group);
    const corners = staircase(inGroup, x.direction, y.direction, xScale.domain);
    const named =
      inPanel.length > mostLabels
        ? evenly(
            inPanel.filter((point) => point.optimal),
            mostLabels,
          )
        : inPanel;
    const at = named.map((point) => ({ ...pixels(point), text: point.text }));
    const obstacles = staircaseBoxes(corners.map(pixels), x.direction);
    const places = placeLabels(at, { width, height }, (text) => widest * textWidth(text, labelSize), obstacles);
    const labels = places.flatMap((place, index) => {
      if (!place) return [];
      const from = at[index]!;
      const { x, align, y, moved, lineEnd: toX } = place;
      return { kind: "label" as const, panel, text: from.text, x, align, y, moved, fromX: from.x, fromY: from.y, toX };
    });
    return [...corners.map((corner) => ({ kind: "stairs" as const, panel, ...corner })), ...labels];
  });
  const drawn = [...groupBy(points, ({ panel }) => panel).values()].flatMap((inPanel) => thinned(inPanel, pixels, 5));
  const values = [...drawn.map(({ text: _, group: __, ...point }) => point), ...lines];
  return { values, drawn: drawn.length, xs, xScale, yScale };
}

/** What sets a point apart from all others of the figure. */
function textOf({ cell, parts }: Configuration, panel: string): string {
  const places = ["layer", "position", "input_dim", "output_dim"];
  const rest = parts.filter(({ key, text }) => !places.includes(key) && !panel.includes(text)).map(({ text }) => text);
  return [cell, ...rest].join(", ");
}

function tipOf(one: Configuration, rule: ParetoRule, by: readonly Configuration[]): string {
  const values = rule.objectives.map(({ key }) => `${infoOf(key).label} ${formatValue(key, meanOf(one, key))}`);
  const others = by.length > 1 ? ` and ${by.length - 1}${by.length < mostDominators ? "" : " or"} more` : "";
  const verdict = by[0] ? `dominated by ${by[0].label}${others}` : "Pareto-optimal";
  return `${one.label}: ${values.join(", ")}; ${verdict}`;
}
