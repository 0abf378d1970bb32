import { expect, test } from "vitest";
import { parseMetrics } from "../../src/record/metricsFile.ts";
import { configurations } from "../../src/report/configurations.ts";
import { bestByPlace, degenerate, rankCorrelation } from "../../src/report/places.ts";

/** As the experiment's follow-up has them: at layer 0, position 0, the best score is that of five latents alive. */
const table = `layer,position,latent_dim,k,explained_variance,feature_death_rate
0,0,1024,5,0.999,0.995
0,0,1024,20,0.98,0.9
0,1,1024,5,0.895,0.961
0,1,1024,20,0.95,0.5
1,0,1024,20,0.9,0.4
1,1,1024,20,0.85,0.3`;

test("the best of each place, and which only looks good", () => {
  const all = configurations(parseMetrics(table, "a.csv").rows);
  const found = bestByPlace(all).map(({ layer, position, best, sound }) => [
    layer,
    position,
    best.record.k,
    sound?.record.k,
  ]);
  expect(found).toEqual([
    [0, 0, 5, 20],
    [0, 1, 20, 20],
    [1, 0, 20, 20],
    [1, 1, 20, 20],
  ]);
  expect(all.filter((one) => degenerate(one) !== undefined).map(({ record }) => record.k)).toEqual([5]);
});

test("rows that hardly vary make any score degenerate", () => {
  const flat = table.replace("feature_death_rate", "feature_death_rate,mean_predictor_explained_variance");
  const all = configurations(
    parseMetrics(flat.replace(/^(1,.*)$/gm, "$1,0.995").replace(/^(0,.*)$/gm, "$1,0.5"), "a.csv").rows,
  );
  const why = all.filter(({ record }) => record.layer === 1).map(degenerate);
  expect(why).toEqual(Array(2).fill("the rows hardly vary: their mean row explains 0.995"));
});

test("one place is no map", () => {
  const rows = parseMetrics(table.split("\n").slice(0, 3).join("\n"), "a.csv").rows;
  expect(bestByPlace(configurations(rows))).toEqual([]);
});

test("Spearman's rank correlation, as scipy.stats.spearmanr gives it", () => {
  expect(rankCorrelation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12);
  expect(rankCorrelation([0, 1, 2, 3], [4, 3, 2, 1])).toBe(-1);
  expect(rankCorrelation([1, 2], [1, 2])).toBeNull();
  expect(rankCorrelation([1, 2, 3], [2, 2, 2])).toBeNull();
});
