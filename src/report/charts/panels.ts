import { described } from "../axes.ts";
import type { Configuration } from "../configurations.ts";

/** The panel of a figure in which colour is the axis across: what stands down, and the rest. */
export const rowOfPanels = ({ axes: { y }, record, panel, ...one }: Configuration): string =>
  [described("latent_dim", record.latent_dim), y === "latent_dim" ? "" : `${y}=${one.y}`, panel]
    .filter(Boolean)
    .join(", ");

/** A key as the name of a vega field, which may hold no dot. */
export const fieldOf = (key: string): string => key.replaceAll(".", "_");

/** How many panels stand side by side in a figure of a width, and how wide each plot is in pixels. */
export function panelSizes(
  count: number,
  width: number,
  { least, most, legend = 0 }: { readonly least: number; readonly most: number; readonly legend?: number },
): { readonly columns: number; readonly width: number } {
  const axis = 64;
  const room = width - legend;
  const columns = Math.max(1, Math.min(count, Math.floor(room / (least + axis))));
  return { columns, width: Math.max(least, Math.min(most, Math.floor(room / columns) - axis)) };
}
