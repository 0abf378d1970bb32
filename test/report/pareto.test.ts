import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configurations, dataGroup, meanOf } from "../../src/report/configurations.ts";
import { type Dominance, paretoSet, parseDominance, parseObjectives } from "../../src/report/pareto.ts";
import { experimentGrid, experimentSweep } from "./sample.ts";

const setOf = (objectives: string, dominance: Dominance) =>
  paretoSet(configurations(experimentGrid().rows), { objectives: parseObjectives(objectives), dominance }, meanOf);

// Counts of the experiment's 12 rows worked out by hand from its table.
test.each([
  ["explained_variance:max,k:min", "standard", 4],
  ["explained_variance:max,k:min", "strict", 12],
  ["explained_variance:max,k:min,latent_dim:min", "standard", 11],
  ["explained_variance:max,k:min,latent_dim:min", "strict", 12],
  ["explained_variance:max,k:min,feature_death_rate:min", "standard", 11],
  ["explained_variance:max,latent_dim:min", "standard", 2],
  ["explained_variance:max,latent_dim:min", "strict", 5],
  ["explained_variance,feature_death_rate", "strict", 2],
] as const)("%s, %s dominance: %i of 12", (objectives, dominance, count) => {
  expect(setOf(objectives, dominance).optimal).toHaveLength(count);
});

test("the standard set names its members and what dominates the others", () => {
  const { optimal, dominated } = setOf("explained_variance:max,k:min", "standard");
  expect(optimal.map(({ label }) => label)).toEqual(["d=1024, k=100", "d=2048, k=5", "d=2048, k=10", "d=2048, k=20"]);
  expect(dominated.find(({ item }) => item.label === "d=2048, k=100")?.by.map(({ label }) => label)).toEqual([
    "d=1024, k=100",
  ]);
});

test("SAEs of different activations are not compared", () => {
  const all = configurations(experimentSweep().rows);
  const rule = { objectives: parseObjectives("explained_variance,k"), dominance: "standard" } as const;
  const { optimal, dominated } = paretoSet(all, rule, meanOf, dataGroup);
  expect(new Set(optimal.map(dataGroup)).size).toBe(96);
  for (const { item, by } of dominated) expect(by.map(dataGroup)).toEqual(by.map(() => dataGroup(item)));
});

describe("any points", () => {
  const points = fc.array(fc.record({ a: fc.integer({ max: 5, min: 0 }), b: fc.integer({ max: 5, min: 0 }) }), {
    maxLength: 30,
  });
  const rule = (dominance: Dominance) => ({
    dominance,
    objectives: [
      { key: "a", direction: "max" },
      { key: "b", direction: "min" },
    ] as const,
  });
  const value = (point: { a: number; b: number }, key: string) => point[key as "a" | "b"];

  test("every dominated point is dominated by a member of the set, and the standard set lies within the strict one", () => {
    fc.assert(
      fc.property(points, (items) => {
        const standard = paretoSet(items, rule("standard"), value);
        const strict = paretoSet(items, rule("strict"), value);
        for (const { by } of standard.dominated) expect(by.some((one) => standard.optimal.includes(one))).toBe(true);
        for (const one of standard.optimal) expect(strict.optimal).toContain(one);
        expect(standard.optimal.length + standard.dominated.length).toBe(items.length);
      }),
    );
  });

  test("a point without a value is set apart", () => {
    const result = paretoSet(
      [{ a: 1, b: 1 }, { a: 2 }],
      rule("standard"),
      (item, key) => ({ b: null, ...item })[key as "a" | "b"],
    );
    expect(result.incomparable).toEqual([{ item: { a: 2 }, missing: ["b"] }]);
    expect(result.optimal).toEqual([{ a: 1, b: 1 }]);
  });
});

test.each([
  ["accuracy:max", /unknown objective "accuracy"; choose from explained_variance/],
  ["l0_mean", /"l0_mean" needs a direction; write l0_mean:max or l0_mean:min/],
  ["k:down", /"k:down" needs a direction/],
  ["k,k:max", /k is named twice/],
  ["", /unknown objective ""/],
])("--pareto %s is refused", (text, message) => {
  expect(() => parseObjectives(text)).toThrow(message);
});

test("another dominance is refused", () => {
  expect(() => parseDominance("weak")).toThrow(/--dominance weak: .* standard .* strict/);
});
