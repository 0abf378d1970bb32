import { describe, expect, test } from "vitest";
import { metricsCsv } from "../../src/record/csv.ts";
import { parseMetrics } from "../../src/record/metricsFile.ts";
import { buildReport } from "../../src/report/report.ts";
import { fileOf, row } from "./sample.ts";

const cells = [
  { k: 4, latent_dim: 64, recovered_features: 3, mean_max_cosine: 0.4211 },
  { k: 8, latent_dim: 64, recovered_features: 41, mean_max_cosine: 0.7899 },
  { k: 4, latent_dim: 128, recovered_features: null, mean_max_cosine: null },
];
const rows = cells.map(({ k, latent_dim, ...recovery }) =>
  row({ name: `d${latent_dim}_k${k}`, k, latent_dim, metrics: { explained_variance: 0.5, ...recovery } }),
);

describe("the page on a known dictionary", async () => {
  const files = await buildReport(fileOf(rows, { synthetic: true }));
  const report = files.get("report.md")!;

  test("says in the summary that the data are synthetic and how much was recovered", () => {
    const summary = /## Summary\n(.*?)\n## /s.exec(report)![1]!;
    expect(summary).toContain("The activations are **synthetic**: generated, not a language model's.");
    expect(summary).toContain("Synthetic data: true features recovered from 3 (d=64, k=4) to 41 (d=64, k=8).");
  });

  test("has a table of it, only of what was measured, and a figure", () => {
    const section = /## Recovered true features\n(.*?)\n## /s.exec(report)![1]!;
    expect(section).toContain("| d=64, k=4 | 3 | 0.421 | – | 0.500 |");
    expect(section).toContain("| d=64, k=8 | 41 | 0.790 | – | 0.500 |");
    expect(section).not.toContain("| d=128, k=4 |");
    expect(section).toContain("heatmap_mean_max_cosine.svg");
    expect(report.split("heatmap_mean_max_cosine.svg")).toHaveLength(2);
    expect(files.get("heatmap_mean_max_cosine.svg")!.match(/stroke-dasharray="3,3"/g)).toHaveLength(2);
  });

  test("knows both keys: defined, in the table of all rows, not called unknown", () => {
    expect(report).toMatch(/\| `recovered_features` \| Recovered features \| higher \|/);
    expect(report).toMatch(/\| `mean_max_cosine` \| Mean largest cosine \| higher \|/);
    expect(report).not.toContain("is not a metric this tool knows");
    expect(parseMetrics(files.get("metrics.csv")!, "metrics.csv").rows[1]!.metrics.recovered_features).toBe(41);
  });

  test("they can be objectives", async () => {
    const pareto = await buildReport(fileOf(rows), { pareto: "recovered_features:max,k:min" });
    expect(JSON.parse(pareto.get("pareto_optimal_configs.json")!)).toMatchObject({ num_pareto: 2, num_dominated: 0 });
  });
});

test("equal numbers are said once", async () => {
  const none = rows.map((one) => ({ ...one, metrics: { ...one.metrics, recovered_features: 0 } }));
  const page = async (some: typeof none) => (await buildReport(fileOf(some))).get("report.md");
  expect(await page(none)).toContain("true features recovered 0 throughout.");
  expect(await page(none.slice(0, 1))).toContain("true features recovered 0.");
});

test("without a dictionary nothing is said", async () => {
  const files = await buildReport(fileOf([row()]));
  expect(files.get("index.html")).not.toMatch(/[Rr]ecovered/);
  expect(metricsCsv([row()])).not.toContain("recovered");
});
