import { expect, test } from "vitest";
import { cautions } from "../../src/record/cautions.ts";
import { metricsCsv } from "../../src/record/csv.ts";
import { parseMetrics, serializeMetrics } from "../../src/record/metricsFile.ts";
import { buildReport } from "../../src/report/report.ts";
import { fileOf, row } from "./sample.ts";

const heavy = (share: number, ev = 0.25) =>
  row({
    metrics: {
      ...{ explained_variance: 0.9, top_rows_variance_share: share },
      ...{ explained_variance_without_top_rows: ev, explained_variance_centered_without_top_rows: 0.125 },
    },
  });
const reasoned = row({
  name: "b",
  metrics: { explained_variance_centered: null, row_fvu_mean: null },
  null_reasons: { explained_variance_centered: "all rows are equal", row_fvu_mean: "all rows are equal" },
});

test("a few rows that hold much of the variance are named, with the explained variance without them", () => {
  expect(cautions(fileOf([heavy(0.72)], { validation_rows: 1495 }))).toEqual([
    "The heaviest 0.1 % of the validation rows (2 of 1495) hold 72.0 % of the variance: explained variance is about them. Without them it is 0.250 (centred 0.125).",
  ]);
  expect(cautions(fileOf([heavy(0.72), { ...heavy(0.5, -1), name: "b" }], { validation_rows: Number.NaN }))).toEqual([
    "The heaviest 0.1 % of the validation rows hold 50.0 % to 72.0 % of the variance: explained variance is about them. Without them it is 0.250 (centred 0.125) for sae_d64_k4_s0, -1.000 (centred 0.125) for b.",
  ]);
});

test("a tenth is no matter, nor is one of ten rows that holds a sixth", () => {
  expect(cautions(fileOf([heavy(0.1)], { validation_rows: 1495 }))).toEqual([]);
  expect(cautions(fileOf([heavy(0.16)], { validation_rows: 10 }))).toEqual([]);
  expect(cautions(fileOf([row()]))).toEqual([]);
});

test("numbers that are missing are named with the reason, once", () => {
  expect(cautions(fileOf([reasoned]))).toEqual([
    "Not defined: Explained variance (centred), Unexplained share of a row: all rows are equal.",
  ]);
  expect(cautions(fileOf([row(), reasoned]))).toEqual([
    "Not defined: Explained variance (centred), Unexplained share of a row (b): all rows are equal.",
  ]);
});

test("the report says both, the files keep the reasons", async () => {
  const file = fileOf([heavy(0.72), reasoned]);
  const markdown = (await buildReport(file)).get("report.md")!;
  for (const sentence of cautions(file)) expect(markdown).toContain(`**${sentence}**`);
  expect(parseMetrics(serializeMetrics(file), "a.json").rows).toEqual(file.rows);
  expect(serializeMetrics(fileOf([row()]))).not.toContain("null_reasons");
  expect(metricsCsv(file.rows)).not.toContain("null_reasons");
});
