import { expect, test } from "vitest";
import { configurations } from "../../src/report/configurations.ts";
import { recommend } from "../../src/report/recommend.ts";
import { experimentGrid, row } from "./sample.ts";

const chosen = (rows: Parameters<typeof configurations>[0]) =>
  Object.fromEntries(recommend(configurations(rows)).map(({ use, chosen }) => [use, chosen?.label ?? null]));

test("the experiment's rows give its own picks, but for the smallest model, which is as small at k=100", () => {
  expect(chosen(experimentGrid().rows)).toEqual({
    "Ultra-sparse": "d=2048, k=5",
    "Extreme interpretability": "d=512, k=5",
    Balanced: "d=2048, k=20",
    "Balanced, smaller dictionary": "d=1024, k=20",
    "High quality": "d=1024, k=100",
    "Memory-constrained": "d=512, k=100",
  });
});

test("a frontier without a bend has no knee, one of two points neither", () => {
  const at = (k: number, explained_variance: number) => row({ k, metrics: { explained_variance } });
  expect(chosen([at(1, 0.1), at(10, 0.2), at(100, 0.3)]).Balanced).toBeNull();
  expect(chosen([at(1, 0.1), at(10, 0.3), at(100, 0.35)]).Balanced).toBe("d=64, k=10");
  expect(chosen([at(1, 0.1), at(10, 0.3)]).Balanced).toBeNull();
});

test("nothing is recommended without explained variances", () => {
  expect(recommend(configurations([row({ metrics: {} })]))).toEqual([]);
});
