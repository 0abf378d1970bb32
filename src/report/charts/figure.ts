import type { TopLevelSpec } from "vega-lite";
import { wrapped } from "../textWidth.ts";
import { schema, theme, titleLines } from "./theme.ts";

/** The parts of a figure of one or several panels; each value names its `panel`. */
export interface FigureParts {
  readonly title: string;
  readonly subtitle?: string;
  /** Width of the whole figure in pixels; titles break there. */
  readonly width: number;
  readonly values: readonly { readonly panel: string }[];
  /** Panels in order; one alone is drawn without its name unless `named`. */
  readonly panels: readonly string[];
  readonly named?: boolean;
  /** Panels side by side. */
  readonly columns: number;
  /** The vega-lite unit or layer of one panel. */
  readonly plot: object;
}

const spacing = 24;
/** Left of a figure's width for its legend and its axes' labels. */
const legendRoom = 90;

/** Names of panels in several lines, where one would run into the next panel's. */
function brokenLabels(panels: readonly string[], room: number): { readonly labelExpr?: string } {
  const lines = panels.map((panel) => wrapped(panel, room));
  if (lines.every(({ length }) => length === 1)) return {};
  return {
    labelExpr: `(${JSON.stringify(Object.fromEntries(panels.map((panel, i) => [panel, lines[i]])))})[datum.label]`,
  };
}

/** The specification of a figure: its titles, its data inline, and a panel beside the other. */
export function figure(parts: FigureParts): TopLevelSpec {
  const { title, subtitle, width, values, panels, named = panels.length > 1, columns, plot } = parts;
  const text = titleLines(title, width);
  const own = (plot as { readonly width?: unknown }).width;
  const room = typeof own === "number" ? own : Math.floor((width - legendRoom) / columns) - spacing;
  const header = { labelFontSize: 11, ...brokenLabels(panels, room) };
  // A last row that is not full would leave axes without a plot below the gaps, were they shared.
  const full = panels.length % columns === 0;
  const several = {
    facet: { field: "panel", sort: panels, title: null, header },
    columns,
    spacing,
    ...(full ? {} : { resolve: { axis: { x: "independent" } } }),
    spec: plot,
  };
  const spec = {
    $schema: schema,
    title: subtitle ? { text, subtitle: wrapped(subtitle, width - 40) } : text,
    data: { values },
    config: theme,
    ...(named ? several : plot),
  };
  return spec as unknown as TopLevelSpec;
}
