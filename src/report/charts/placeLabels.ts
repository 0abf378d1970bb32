/** A point to label, in pixels from the top left of the plot. */
export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/**
 * Where a label stands, and the line to its point where it stands apart. `x` is the end of the text that is next to the point, so that a
 * font wider than was measured takes room away from it; `y` its vertical middle.
 */
export interface PlacedLabel {
  readonly x: number;
  /** Which end of the text `x` is: left of its point a label ends there. */
  readonly align: "left" | "right";
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
/** Of the largest marker, with its edge. */
const radius = 6.5;
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
  const dots = points.map(({ x, y }) => ({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }));
  const taken: Box[] = [...obstacles, ...dots];
  const labels: Box[] = [];
  return points.map((point) => {
    const width = measure(point.text);
    for (const { x, align, y, moved, lineEnd } of candidates(point)) {
      const left = align === "left" ? x : x - width;
      const box = { left, right: left + width, top: y - lineHeight / 2, bottom: y + lineHeight / 2 };
      const inside = box.left >= 0 && box.right <= plot.width && box.top >= 0 && box.bottom <= plot.height;
      if (!inside || taken.some((other) => overlaps(box, other))) continue;
      // Without a line a label reads as the nearest point's.
      const own = Math.hypot(x - point.x, y - point.y);
      if (!moved && points.some((other) => Math.hypot(x - other.x, y - other.y) < own)) continue;
      const line = moved ? alongLine(point, { x: lineEnd, y }) : [];
      if (line.some((dot) => labels.some((other) => overlaps(dot, other)))) continue;
      taken.push(box, ...line);
      labels.push(box);
      return { x, align, y, width, moved, lineEnd };
    }
    return null;
  });
}

function candidates({ x, y }: LabelledPoint) {
  return shifts.flatMap((shift) => {
    const moved = Math.abs(shift) > near;
    const away = moved ? gap + 8 : gap;
    return [
      { x: x + away, align: "left", y: y + shift, moved, lineEnd: x + away - 2 } as const,
      { x: x - away, align: "right", y: y + shift, moved, lineEnd: x - away + 2 } as const,
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
