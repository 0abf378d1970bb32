import type { TopLevelSpec } from "vega-lite";
import { noValue } from "../format.ts";
import { extentOf } from "../stats.ts";
import { textWidth } from "../textWidth.ts";
import { figure } from "./figure.ts";
import { faint, font, ink, withTitleAbove } from "./theme.ts";

/** One cell; `value` `null` is a gap and drawn as one. */
export interface Cell {
  readonly x: string;
  readonly y: string;
  /** Which of several grids side by side; one grid has one panel. */
  readonly panel: string;
  readonly value: number | null;
  /** What is written in the cell. */
  readonly label: string;
  /** What the tooltip and the screen reader say. */
  readonly tip: string;
}

/** What a heatmap shows; the order of `xs`, `ys` and `panels` is that of the drawing. */
export interface HeatmapOptions {
  readonly title: string;
  readonly cells: readonly Cell[];
  readonly xs: readonly string[];
  readonly ys: readonly string[];
  readonly panels: readonly string[];
  readonly xTitle: string;
  readonly yTitle: string;
  /** A shorter title, for panels that are less high than the title is long. Default: the same. */
  readonly yShort?: string;
  readonly legendTitle: string;
  readonly format: string;
  /** A vega colour scheme. */
  readonly scheme: string;
  readonly reverse: boolean;
  /** Values of the two ends of the scheme; the data's own where absent. */
  readonly domain?: readonly [number, number];
  /** Width of the whole figure in pixels; kept unless the cells would become too narrow for their labels. */
  readonly width: number;
}

/** A figure of more cells is not read. */
export const mostCells = 4000;

const fontSize = 12;
/** Pixels between two panels. */
const between = 24;

/**
 * A heatmap with the value written in every cell, in black or white, whichever stands out more against that cell's colour.
 * Cells are equally wide; gaps have no colour, a dashed border and a dash. Several panels share one colour scale.
 */
export function heatmap(options: HeatmapOptions): TopLevelSpec {
  const { cells, xs, ys, panels, width, scheme, reverse, format } = options;
  const narrow = width < 500;
  const labels = [...cells.map(({ label }) => textWidth(label, fontSize)), ...xs.map((x) => textWidth(x))];
  const widestLabel = extentOf(labels)![1];
  const yLabels = Math.max(...ys.map((y) => textWidth(y))) + (panels.length > 1 ? 44 : 16);
  const legend = narrow ? 0 : 84;
  const needed = Math.ceil(widestLabel + 8);
  const perPanel = yLabels + needed * xs.length + between;
  const columns = Math.max(1, Math.min(panels.length, Math.floor((width - legend) / perPanel)));
  const step = Math.max(
    needed,
    Math.min(116, Math.floor(((width - legend) / columns - yLabels - between) / xs.length)),
  );
  const rowStep = ys.length > 8 ? 24 : narrow ? 40 : 52;
  const fits = textWidth(options.yTitle, fontSize) <= rowStep * ys.length + between;
  const [low, high] = options.domain ?? domainOf(cells);
  const black = "contrast('black', scale('color', datum.value))";
  const white = "contrast('white', scale('color', datum.value))";
  const grid = {
    width: { step },
    height: { step: rowStep },
    layer: [
      {
        name: "cell",
        transform: [{ filter: "isValid(datum.value)" }],
        mark: { type: "rect" },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            // vega takes the ends of a scheme backwards where the domain is.
            scale: { scheme, domain: [low, high], reverse },
            legend: {
              title: options.legendTitle,
              titleLimit: 0,
              format,
              orient: narrow ? "bottom" : "right",
              // Both ends are written, so that nobody takes a small span for a large one.
              values: evenlySpaced(low, high, narrow ? 3 : 5),
              gradientLength: narrow ? 200 : Math.max(80, Math.min(240, rowStep * ys.length)),
            },
          },
        },
      },
      {
        name: "gap",
        transform: [{ filter: "!isValid(datum.value)" }],
        mark: { type: "rect", fill: null, stroke: faint, strokeDash: [3, 3], strokeWidth: 1 },
      },
      {
        name: "value",
        transform: [{ filter: "isValid(datum.value)" }],
        mark: { type: "text", fontSize, font, aria: false },
        encoding: {
          text: { field: "label" },
          color: { condition: { test: `${black} > ${white}`, value: "black" }, value: "white" },
        },
      },
      {
        name: "gap_label",
        transform: [{ filter: "!isValid(datum.value)" }],
        mark: { type: "text", fontSize, font, aria: false, color: ink },
        encoding: { text: { value: noValue } },
      },
    ],
    encoding: {
      x: axis("x", xs, options.xTitle),
      y:
        panels.length > 1
          ? axis("y", ys, fits ? options.yTitle : (options.yShort ?? options.yTitle))
          : withTitleAbove(axis("y", ys, options.yTitle), yLabels - 8),
      description: { field: "tip" },
      tooltip: { field: "tip" },
    },
  };
  return figure({ title: options.title, width, values: cells, panels, columns, plot: grid });
}

const axis = (field: string, sort: readonly string[], title: string) => ({
  field,
  type: "ordinal",
  sort,
  title,
  axis: { labelAngle: 0, ticks: false, domain: false, labelPadding: 6, labelOverlap: false },
  scale: { padding: 0 },
});

const evenlySpaced = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

/** Of the largest value, the least that a scale of colours spans: less is noise, and shows as one colour. */
const leastSpan = 0.1;

/** What the colours span: the values' range, or more of it where they are all but the same. The legend says both ends. */
function domainOf(cells: readonly Cell[]): readonly [number, number] {
  const [low, high] = extentOf(cells.flatMap(({ value }) => value ?? [])) ?? [0, 0];
  const span = Math.max(high - low, leastSpan * Math.max(Math.abs(low), Math.abs(high)) || 1);
  const middle = (low + high) / 2;
  return high - low >= span ? [low, high] : [middle - span / 2, middle + span / 2];
}
