import { draw, make, short } from "./dom.ts";

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticks(low: number, high: number, count = 4): number[] {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A line to draw: its values at 1, 2, 3 ... */
export interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

/** Points of a line that are drawn, at most, and up to how many each has a dot. */
const most = { points: 400, dots: 60 };

const [width, height] = [420, 190];
const room = { left: 58, right: 12, top: 8, bottom: 34 };

/** A line over epochs, with axes that grow as it does; `steps` is where the x axis ends. */
export function lineChart(
  { name, values }: Line,
  steps: number,
  { from, to }: { from?: number; to?: number } = {},
): HTMLElement {
  const low = from ?? values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const highest = to ?? values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const every = Math.ceil(values.length / most.points);
  const points = values.flatMap((value, i) =>
    i % every === 0 || i === values.length - 1 ? [[i + 1, value] as const] : [],
  );
  const high = highest > low ? highest : low + (Math.abs(low) || 1);
  const x = (step: number) => room.left + ((width - room.left - room.right) * (step - 1)) / Math.max(1, steps - 1);
  const y = (value: number) =>
    height - room.bottom - ((height - room.top - room.bottom) * (value - low)) / (high - low);
  const across = ticks(1, Math.max(2, steps)).filter((one) => Number.isInteger(one) && one <= steps);
  const svg = draw(
    "svg",
    {
      ...{ viewBox: `0 0 ${width} ${height}`, role: "img", class: "line" },
      "aria-label": `${name} by epoch: ${short(values[0])} after the first, ${short(values.at(-1))} after epoch ${values.length}`,
    },
    ...ticks(low, high).flatMap((one) => [
      draw("line", { class: "grid", x1: room.left, x2: width - room.right, y1: y(one), y2: y(one) }),
      draw("text", { x: room.left - 6, y: y(one) + 4, "text-anchor": "end" }, short(one)),
    ]),
    ...across.map((one) =>
      draw("text", { x: x(one), y: height - room.bottom + 16, "text-anchor": "middle" }, String(one)),
    ),
    draw("text", { x: (width + room.left) / 2, y: height - 3, "text-anchor": "middle", class: "faint" }, "epoch"),
    draw("polyline", { points: points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ") }),
    ...(values.length > most.dots ? [] : points).map(([step, value]) =>
      draw("circle", { cx: x(step), cy: y(value), r: 2.5 }),
    ),
  );
  return make("figure", { class: "small" }, svg as never, make("figcaption", {}, `${name}: ${short(values.at(-1))}`));
}

/** How often values fall into equal parts of a range; those below 0 in the colour of the other sign. */
export function histogram({ from, to, counts }: { from: number; to: number; counts: readonly number[] }): HTMLElement {
  const highest = Math.max(...counts, 1);
  const step = (width - room.left - room.right) / counts.length;
  const y = (count: number) => height - room.bottom - ((height - room.top - room.bottom) * count) / highest;
  const x = (value: number) => room.left + ((width - room.left - room.right) * (value - from)) / (to - from || 1);
  const part = (to - from) / counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const svg = draw(
    "svg",
    {
      ...{ viewBox: `0 0 ${width} ${height}`, role: "img", class: "bars" },
      "aria-label": `Histogram of ${total} activations from ${short(from)} to ${short(to)}`,
    },
    ...ticks(0, highest, 3).flatMap((one) => [
      draw("line", { class: "grid", x1: room.left, x2: width - room.right, y1: y(one), y2: y(one) }),
      draw("text", { x: room.left - 6, y: y(one) + 4, "text-anchor": "end" }, short(one)),
    ]),
    ...counts.map((count, i) =>
      draw(
        "rect",
        {
          class: from + (i + 0.5) * part < 0 ? "below" : "above",
          ...{
            x: room.left + i * step + 0.5,
            width: Math.max(1, step - 1),
            y: y(count),
            height: height - room.bottom - y(count),
          },
        },
        draw("title", {}, `${count} from ${short(from + i * part)} to ${short(from + (i + 1) * part)}`),
      ),
    ),
    ...ticks(from, to, 4).map((one) =>
      draw("text", { x: x(one), y: height - room.bottom + 16, "text-anchor": "middle" }, short(one)),
    ),
    draw(
      "text",
      { x: (width + room.left) / 2, y: height - 3, "text-anchor": "middle", class: "faint" },
      "activation where it fires",
    ),
  );
  return make("figure", { class: "small" }, svg as never);
}
