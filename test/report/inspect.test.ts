import { expect, test } from "vitest";
import { inspectRecords } from "../../src/report/inspect.ts";
import { experimentGrid, experimentSweep, row } from "./sample.ts";

test("the experiment's rows have nothing to note", () => {
  expect(inspectRecords(experimentGrid().rows).notes).toEqual([]);
});

test("equal duplicates count once, and the note names them", () => {
  const { records, notes } = inspectRecords([row({ name: "a" }), row({ name: "b" }), row({ name: "c", k: 8 })]);
  expect(records.map(({ name }) => name)).toEqual(["a", "c"]);
  expect(notes).toEqual(["a and b: 2 equal records for d=64, k=4, seed 0; counted once."]);
});

test("equal configurations of different values are both shown, and the note names them", () => {
  const other = row({ name: "b", metrics: { explained_variance: 0.6, feature_death_rate: 0.25 } });
  const { records, notes } = inspectRecords([row({ name: "a" }), other, row({ name: "c", k: 8 })]);
  expect(records.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(notes[0]).toBe("a and b: 2 records with different values for d=64, k=4, seed 0; each is shown by its name.");
});

test("another seed is no duplicate", () => {
  expect(inspectRecords([row({ seed: 0 }), row({ seed: 1 })])).toMatchObject({
    notes: [],
    records: [{ seed: 0 }, { seed: 1 }],
  });
});

test("NaN and infinity become gaps and are named", () => {
  const bad = row({
    name: "bad",
    metrics: { explained_variance: Number.NaN, feature_death_rate: Number.POSITIVE_INFINITY },
  });
  const { records, notes } = inspectRecords([bad]);
  expect(records[0]?.metrics).toEqual({ explained_variance: null, feature_death_rate: null });
  expect(notes[0]).toBe("bad: explained_variance is NaN and feature_death_rate is Infinity; shown as a gap.");
});

test("an unknown metric is named", () => {
  const { notes } = inspectRecords([row({ metrics: { sparkle: 3 } })]);
  expect(notes).toEqual([
    "sparkle is not a metric this tool knows; it stands in metrics.csv as it is and is not drawn.",
  ]);
});

test("missing values and missing cells are named, cells of many grids together", () => {
  const grid = [
    row({ latent_dim: 64, k: 4 }),
    row({ latent_dim: 64, k: 8 }),
    row({ latent_dim: 128, k: 4, metrics: {} }),
  ];
  expect(inspectRecords(grid).notes).toEqual([
    "explained_variance: no value in 1 of 3 records (sae_d128_k4_s0).",
    "feature_death_rate: no value in 1 of 3 records (sae_d128_k4_s0).",
    "No SAE for (d=128, k=8); the cells stay empty.",
  ]);
  const { notes } = inspectRecords(experimentSweep().rows);
  expect(notes.at(-1)).toMatch(
    /^No SAE for \(d=512, k=5\), \(d=512, k=10\) and \(d=512, k=20\) at \(layer 0, position 0\), .* and 93 more; /,
  );
});

test("a death rate that exact-k selection rules out is named", () => {
  const { notes } = inspectRecords([row({ name: "odd", metrics: { feature_death_rate: 0.95 } })]);
  expect(notes).toEqual(["odd: feature_death_rate is 0.95, possible is 0 to 0.9375; check the file that holds it."]);
});
