/** More points than this on one plot lie on one another, and make a page that browsers are slow to open. */
export const mostPoints = 1000;

/** Points that can be told apart in a plot: one a square of so many pixels, the first. */
export function thinned<T>(
  points: readonly T[],
  pixelsOf: (point: T) => { readonly x: number; readonly y: number },
  square: number,
): readonly T[] {
  if (points.length <= mostPoints) return points;
  const taken = new Set<string>();
  return points.filter((point) => {
    const { x, y } = pixelsOf(point);
    const at = `${Math.floor(x / square)} ${Math.floor(y / square)}`;
    return !taken.has(at) && taken.add(at);
  });
}

/** So many of some items, as evenly spread over them as can be. */
export const evenly = <T>(items: readonly T[], most: number): readonly T[] =>
  items.length <= most ? items : Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)]!);
