import type { Config } from "vega-lite";

/** A sans-serif every system has under one of these names. */
export const font = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

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
    anchor: "start",
    frame: "bounds",
    fontSize: 14,
    fontWeight: "bold",
    color: ink,
    subtitleColor: faint,
    subtitleFontSize: 11,
    offset: 12,
  },
  axis: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: rule,
    domainColor: faint,
    tickColor: faint,
  },
  legend: { labelColor: ink, titleColor: ink, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" },
  header: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
  view: { stroke: null },
};

/** Pixels a text takes at most, at a font size; 0.62 em a character covers Helvetica's digits and lower case. */
export const textWidth = (text: string, fontSize = 11): number => text.length * fontSize * 0.62;

/** A title that breaks between words where it would be wider than the figure. */
export function wrapped(text: string, width: number, fontSize = 14): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Colours for values of k that show on white and on black: ten that differ, or a run of viridis for more. */
export const kColors = (ks: readonly string[]) => ({ domain: ks, scheme: ks.length > 10 ? "viridis" : "tableau10" });

/** A y encoding with its title level above the axis, `left` pixels before it: turned, a long title may stand higher than the plot. */
export const withTitleAbove = <A extends { readonly axis: object }>(encoding: A, left: number) => ({
  ...encoding,
  axis: { ...encoding.axis, titleAngle: 0, titleAlign: "left", titleBaseline: "bottom", titleX: -left, titleY: -8 },
});
