/** A point to label, in pixels from the top left of the plot. */
export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where a label's text starts (its left edge and vertical middle), and whether it needs a line to its point. */
export interface PlacedLabel {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Whether the label does not stand right beside its point. */
  readonly moved: boolean;
}

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const lineHeight = 14;
const gap = 8;
/** A label this far up or down still reads as its point's. */
const near = 9;

/**
 * A place for each label that covers no other label, no point, no obstacle and stays in the plot; `null` where there is none. Earlier points
 * choose first: right, left, then further and further up and down.
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  plot: { readonly width: number; readonly height: number },
  measure: (text: string) => number,
  obstacles: readonly Box[] = [],
): readonly (PlacedLabel | null)[] {
  const dots = points.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  const taken: Box[] = [...obstacles, ...dots];
  return points.map(({ x, y, text }) => {
    const width = measure(text);
    for (const shift of shifts) {
      const away = Math.abs(shift) > near ? gap + 8 : gap;
      for (const left of [x + away, x - away - width]) {
        const middle = y + shift;
        const box = { left, right: left + width, top: middle - lineHeight / 2, bottom: middle + lineHeight / 2 };
        const inside = box.left >= 0 && box.right <= plot.width && box.top >= 0 && box.bottom <= plot.height;
        if (!inside || taken.some((other) => overlaps(box, other))) continue;
        taken.push(box);
        return { x: left, y: middle, width, moved: Math.abs(shift) > near };
      }
    }
    return null;
  });
}

/** 0, then alternately up and down by growing steps, to five lines away. */
const shifts = [0, ...[9, 14, 21, 28, 35, 42, 49, 56, 63, 70].flatMap((step) => [-step, step])];

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
