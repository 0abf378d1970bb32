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
