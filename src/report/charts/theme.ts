import type { Config } from "vega-lite";
import { widest, wrapped } from "../textWidth.ts";

const titleSize = 14;

/** A sans-serif most systems have under one of these names, all of one width. */
export const font = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

/** Text and lines on a white page; the page's style sheet exchanges them for the dark scheme's. */
export const ink = "#1f2328";
export const faint = "#6a737d";
export const rule = "#d8dee4";

/** The vega-lite schema all specs name. */
export const schema = "https://vega.github.io/schema/vega-lite/v6.json";

/** Looks shared by all figures: white ground, bold titles at the left, 11 and 12 pixel text. */
export const theme: Config = {
  background: "white",
  font,
  padding: 8,
  title: {
    limit: 0,
    anchor: "start",
    frame: "bounds",
    fontSize: titleSize,
    fontWeight: "bold",
    color: ink,
    subtitleColor: faint,
    subtitleFontSize: 11,
    offset: 12,
  },
  axis: {
    labelLimit: 0,
    titleLimit: 0,
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: rule,
    domainColor: faint,
    tickColor: faint,
  },
  legend: {
    labelLimit: 0,
    titleLimit: 0,
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
  },
  header: { labelLimit: 0, labelColor: ink, titleColor: ink, labelFontSize: 12 },
  view: { stroke: null },
};

/** A figure's title, broken where it would be wider than the figure. */
export const titleLines = (text: string, width: number): string[] =>
  wrapped(text, (width - 20) / widest, titleSize, true);

/** Colours for lines that show on white and on black: ten that differ, or a run of viridis for more. */
export const lineColors = (names: readonly string[]) => ({
  domain: names,
  scheme: names.length > 10 ? "viridis" : "tableau10",
});

/** A y encoding with its title level above the axis, `left` pixels before it: turned, a long title may stand higher than the plot. */
export const withTitleAbove = <A extends { readonly axis: object }>(encoding: A, left: number) => ({
  ...encoding,
  axis: { ...encoding.axis, titleAngle: 0, titleAlign: "left", titleBaseline: "bottom", titleX: -left, titleY: -8 },
});
