import { textWidth } from "../../src/report/textWidth.ts";

/** A text of an SVG drawing and the rectangle it takes, in pixels of the drawing. */
export interface DrawnText {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly isBold: boolean;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Width and height of a drawing. */
export function sizeOfSvg(svg: string): { width: number; height: number } {
  const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!;
  return { width: Number(width), height: Number(height) };
}

/** Every text of a drawing as vega writes it, `tspan`s line by line; turned text stands on its side. */
export function textsOf(svg: string): DrawnText[] {
  const texts: DrawnText[] = [];
  const places: Place[] = [{ x: 0, y: 0 }];
  const tags = /<g\b([^>]*)>|(<\/g>)|<text([^>]*)>(?:([^<]*)|((?:<tspan[^>]*>[^<]*<\/tspan>)+))<\/text>/g;
  for (const [, group, end, attributes, text, lines] of svg.matchAll(tags)) {
    if (group?.endsWith("/")) continue;
    if (group !== undefined) places.push(moved(places.at(-1)!, group));
    else if (end) places.pop();
    else texts.push(...drawn(places.at(-1)!, attributes ?? "", text, lines));
  }
  return texts;
}

function moved(from: Place, attributes: string): Place {
  const [, x, y] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(attributes) ?? [];
  return { x: from.x + Number(x ?? 0), y: from.y + Number(y ?? 0) };
}

function drawn(parent: Place, attributes: string, text = "", lines = ""): DrawnText[] {
  const { x, y } = moved(parent, attributes);
  const size = Number(/font-size="([\d.]+)/.exec(attributes)?.[1] ?? 11);
  const bold = attributes.includes('font-weight="bold"');
  const anchor = { start: 0, middle: 0.5, end: 1 }[/text-anchor="(\w+)"/.exec(attributes)?.[1] ?? "start"] ?? 0;
  const spans = [...lines.matchAll(/<tspan[^>]*?(?: dy="([\d.]+)")?>([^<]*)</g)];
  const all = spans.length > 0 ? spans.map(([, , line]) => line!) : [text];
  return all.map((line, index) => {
    const width = textWidth(unescaped(line), size, bold);
    const base = y + index * (size + 2);
    const start = x - anchor * width;
    if (!attributes.includes("rotate(-90)"))
      return { text: line, left: start, right: start + width, top: base - 0.72 * size, bottom: base, isBold: bold };
    const across = { left: x - 0.72 * size, right: x };
    return { text: line, ...across, top: y - (1 - anchor) * width, bottom: y + anchor * width, isBold: bold };
  });
}

const unescaped = (text: string) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
