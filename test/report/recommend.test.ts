import { expect, test } from "vitest";
import { configurations } from "../../src/report/configurations.ts";
import { recommend } from "../../src/report/recommend.ts";
import { experimentGrid, row } from "./sample.ts";

const chosen = (rows: Parameters<typeof configurations>[0]) =>
  Object.fromEntries(recommend(configurations(rows)).all.map(({ use, chosen }) => [use, chosen?.label ?? null]));

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

const chosenFor = (rows: Parameters<typeof configurations>[0], use: string) =>
  recommend(configurations(rows)).all.find((one) => one.use.includes(use))?.chosen?.label ?? null;

test("a frontier without a bend has no knee, one of two points neither", () => {
  const at = (k: number, explained_variance: number) => row({ k, metrics: { explained_variance } });
  expect(chosenFor([at(1, 0.1), at(10, 0.2), at(100, 0.3)], "Balanced")).toBeNull();
  expect(chosenFor([at(1, 0.1), at(10, 0.3), at(100, 0.35)], "Balanced")).toBe("d=64, k=10");
  expect(chosenFor([at(1, 0.1), at(10, 0.3)], "Balanced")).toBeNull();
});

test("nothing is recommended without explained variances, nor of one SAE", () => {
  expect(recommend(configurations([row({ metrics: {} }), row({ k: 5, metrics: {} })])).all).toEqual([]);
  expect(recommend(configurations([row()]))).toEqual({ by: "here", all: [], leftOut: 0 });
});

test("an SAE with many dead latents, or no better than chance, is recommended for nothing outside the experiment's grid", () => {
  const at = (k: number, feature_death_rate: number, more = {}) =>
    row({ k, architecture: "topk-relu", metrics: { explained_variance: 0.5 + k / 100, feature_death_rate, ...more } });
  const chance = { explained_variance_centered: 0.3, frozen_encoder_explained_variance_centered: 0.4 };
  const beaten = { ...chance, random_decoder_explained_variance_centered: 0.1 };
  const { all, leftOut } = recommend(configurations([at(5, 0.78), at(10, 0.02), at(20, 0.01, beaten), at(15, 0.1)]));
  expect(leftOut).toBe(2);
  expect(all.map(({ use, chosen }) => [use, chosen!.label])).toEqual([
    ["Fewest latents a row", "d=64, k=10"],
    ["Nearest to the rows", "d=64, k=15"],
  ]);
  expect(recommend(configurations([at(5, 0.78), at(10, 0.5)]))).toMatchObject({ all: [], leftOut: 2 });
});

test("an SAE that is best for two uses is named once", () => {
  const at = (k: number, explained_variance: number) => row({ k, metrics: { explained_variance } });
  expect(recommend(configurations([at(1, 0.4), at(10, 0.3)])).all.map(({ use }) => use)).toEqual([
    "Fewest latents a row, Nearest to the rows",
  ]);
});
