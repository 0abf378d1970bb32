import type { Objective } from "../pareto.ts";
import { paretoSet } from "../pareto.ts";
import type { Box } from "./placeLabels.ts";

/** A place in the plane of two objectives. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * The corners of the best y to be had within each budget of x, by ascending x, and the end of the axis; the line between two
 * is drawn with `stepOf`. Empty without points.
 */
export function staircase(
  points: readonly Place[],
  x: Objective["direction"],
  y: Objective["direction"],
  domain: readonly [number, number],
): readonly Place[] {
  const objectives = [
    { key: "x", direction: x },
    { key: "y", direction: y },
  ] as const;
  const { optimal } = paretoSet(points, { objectives, dominance: "standard" }, (point, key) => point[key as "x" | "y"]);
  const corners = optimal.map((point) => ({ x: point.x, y: point.y })).toSorted((a, b) => a.x - b.x);
  const [first, last] = [corners[0], corners.at(-1)];
  if (!first || !last) return [];
  return x === "min" ? [...corners, { x: domain[1], y: last.y }] : [{ x: domain[0], y: first.y }, ...corners];
}

/** How a line goes from corner to corner: level first where less x is better, upright first where more is. */
export const stepOf = (x: Objective["direction"]) => (x === "min" ? "step-after" : "step-before");

/** The lines between corners in pixels as obstacles, two pixels to either side. */
export function staircaseBoxes(corners: readonly Place[], x: Objective["direction"]): readonly Box[] {
  return corners.slice(1).flatMap((to, index) => {
    const from = corners[index]!;
    const level = x === "min" ? from.y : to.y;
    const upright = x === "min" ? to.x : from.x;
    return [
      { left: from.x, right: to.x, top: level - 2, bottom: level + 2 },
      { left: upright - 2, right: upright + 2, top: Math.min(from.y, to.y), bottom: Math.max(from.y, to.y) },
    ];
  });
}
