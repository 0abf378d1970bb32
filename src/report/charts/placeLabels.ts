/** A point to label, in pixels from the top left of the plot. */
export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where a label's text starts (its left edge and vertical middle), and the line to its point where it stands apart. */
export interface PlacedLabel {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Whether a line must join the label to its point, and where on the label's side it ends. */
  readonly moved: boolean;
  readonly lineEnd: number;
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
/** 0, then up and down by growing steps, to five lines away. */
const shifts = [0, ...[9, 14, 21, 28, 35, 42, 49, 56, 63, 70].flatMap((step) => [-step, step])];

/**
 * A place for each label that covers no other label, no point, no line and no obstacle and stays in the plot; `null` where there
 * is none. Earlier points choose first: right, left, then further and further up and down, joined by a line.
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  plot: { readonly width: number; readonly height: number },
  measure: (text: string) => number,
  obstacles: readonly Box[] = [],
): readonly (PlacedLabel | null)[] {
  const dots = points.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  const taken: Box[] = [...obstacles, ...dots];
  const labels: Box[] = [];
  return points.map((point) => {
    const width = measure(point.text);
    for (const { x, y, moved, lineEnd } of candidates(point, width)) {
      const box = { left: x, right: x + width, top: y - lineHeight / 2, bottom: y + lineHeight / 2 };
      const inside = box.left >= 0 && box.right <= plot.width && box.top >= 0 && box.bottom <= plot.height;
      if (!inside || taken.some((other) => overlaps(box, other))) continue;
      const line = moved ? alongLine(point, { x: lineEnd, y }) : [];
      if (line.some((dot) => labels.some((other) => overlaps(dot, other)))) continue;
      taken.push(box, ...line);
      labels.push(box);
      return { x, y, width, moved, lineEnd };
    }
    return null;
  });
}

function candidates({ x, y }: LabelledPoint, width: number) {
  return shifts.flatMap((shift) => {
    const moved = Math.abs(shift) > near;
    const away = moved ? gap + 8 : gap;
    return [
      { x: x + away, y: y + shift, moved, lineEnd: x + away - 2 },
      { x: x - away - width, y: y + shift, moved, lineEnd: x - away + 2 },
    ];
  });
}

/** Small boxes along a line from a point to its label. */
function alongLine(from: { x: number; y: number }, to: { x: number; y: number }): Box[] {
  const steps = Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 2);
  return Array.from({ length: steps }, (_, i) => {
    const x = from.x + ((to.x - from.x) * i) / steps;
    const y = from.y + ((to.y - from.y) * i) / steps;
    return { left: x - 1, right: x + 1, top: y - 1, bottom: y + 1 };
  });
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
