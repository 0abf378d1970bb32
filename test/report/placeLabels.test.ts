import fc from "fast-check";
import { expect, test } from "vitest";
import { type Box, type PlacedLabel, placeLabels } from "../../src/report/charts/placeLabels.ts";
import { staircase, staircaseBoxes } from "../../src/report/charts/staircase.ts";

const plot = { width: 400, height: 300 };
const measure = (text: string) => text.length * 6;
const coordinate = (max: number) => fc.double({ min: 0, max, noNaN: true });
const points = fc.array(
  fc.record({ x: coordinate(400), y: coordinate(300), text: fc.stringMatching(/^[a-z=0-9]{1,12}$/) }),
  { maxLength: 30 },
);

test("labels cover no label, no point and no obstacle, and stay in the plot", () => {
  const obstacle = { left: 100, right: 300, top: 148, bottom: 152 };
  fc.assert(
    fc.property(points, (items) => {
      const placed = placeLabels(items, plot, measure, [obstacle]).flatMap((place) => (place ? [boxOf(place)] : []));
      const dots = items.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
      placed.forEach((box, index) => {
        expect(box.left >= 0 && box.right <= 400 && box.top >= 0 && box.bottom <= 300).toBe(true);
        for (const other of [...placed.slice(0, index), ...dots, obstacle]) expect(overlap(box, other)).toBe(false);
      });
    }),
  );
});

test("a point alone has its label right beside it", () => {
  expect(placeLabels([{ x: 100, y: 100, text: "d=512" }], plot, measure)).toEqual([
    { x: 108, align: "left", y: 100, width: 30, moved: false, lineEnd: 106 },
  ]);
});

test("a label left of its point ends there, whatever the font: a wider one takes room away from the marker", () => {
  const right = { left: 100, right: 400, top: 0, bottom: 300 };
  expect(placeLabels([{ x: 100, y: 100, text: "d=512" }], plot, measure, [right])).toEqual([
    { x: 92, align: "right", y: 100, width: 30, moved: false, lineEnd: 94 },
  ]);
});

test("a label is joined to its point by a line where it would stand beside another", () => {
  const level = { left: 105, right: 400, top: 98, bottom: 102 };
  const upper = { left: 0, right: 95, top: 0, bottom: 105 };
  const [label] = placeLabels(
    [100, 110].map((y) => ({ x: 100, y, text: `d=${y}` })),
    plot,
    measure,
    [level, upper, { ...level, top: 80, bottom: 95 }],
  );
  expect(label?.moved).toBe(true);
});

test("three points in one place all get a label, the crowded ones with a line", () => {
  const placed = placeLabels(
    [1, 2, 3].map((n) => ({ x: 100, y: 100 + n, text: `d=${n}` })),
    plot,
    measure,
  );
  expect(placed.every((place) => place !== null)).toBe(true);
  expect(placed[0]?.moved).toBe(false);
});

test("the staircase is the best value within each budget", () => {
  const places = [
    { x: 5, y: 0.7 },
    { x: 5, y: 0.72 },
    { x: 10, y: 0.71 },
    { x: 20, y: 0.8 },
  ];
  expect(staircase(places, "min", "max", [4, 40])).toEqual([
    { x: 5, y: 0.72 },
    { x: 20, y: 0.8 },
    { x: 40, y: 0.8 },
  ]);
  expect(staircase(places, "max", "max", [4, 40])).toEqual([
    { x: 4, y: 0.8 },
    { x: 20, y: 0.8 },
  ]);
  expect(staircase([], "min", "max", [4, 40])).toEqual([]);
});

test("its lines are obstacles: level, then upright", () => {
  const corners = [
    { x: 0, y: 100 },
    { x: 50, y: 40 },
  ];
  expect(staircaseBoxes(corners, "min")).toEqual([
    { left: 0, right: 50, top: 98, bottom: 102 },
    { left: 48, right: 52, top: 40, bottom: 100 },
  ]);
});

const boxOf = ({ x, align, y, width }: PlacedLabel): Box => ({
  left: align === "left" ? x : x - width,
  right: align === "left" ? x + width : x,
  top: y - 6,
  bottom: y + 6,
});

const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
