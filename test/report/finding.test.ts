import { expect, test } from "vitest";
import { buildReport } from "../../src/report/report.ts";
import { fileOf, row } from "./sample.ts";

const rows = [
  {
    k: 4,
    loss: [3, 2, 1.5],
    metrics: { explained_variance: 0.5, feature_death_rate: 0.25, reconstruction_loss: 0.125 },
  },
  {
    k: 8,
    loss: [3, 2, 1.999],
    metrics: { explained_variance: 0.75, feature_death_rate: 0, reconstruction_loss: 0.0625 },
  },
].map((one) => row({ name: `k${one.k}`, latent_dim: 64, ...one }));
const ones = [1, 1, 1, 1];
const of = (frequency: number[]) => ({ frequency, mean_activation: ones, max_activation: ones });

/** What stands first under a heading. */
const firstOf = (report: string, title: string) => new RegExp(`### ${title}\n\n(.*)\n`).exec(report)?.[1];

test("each section of the results begins with a sentence of what it shows", async () => {
  const latents = { k4: of([0, 0.01, 0.2, 0.05]), k8: of([0.01, 0.3, 0.4, 0.05]) };
  const report = (await buildReport(fileOf(rows), { latents })).get("report.md")!;
  expect(firstOf(report, "Quality against sparsity")).toMatch(/ from 0\.500 \(d=64, k=4\) to 0\.750 \(d=64, k=8\)\.$/);
  expect(firstOf(report, "Feature utilization")).toMatch(/ from 0\.000 \(d=64, k=8\) to 0\.250 \(d=64, k=4\)\.$/);
  expect(firstOf(report, "Reconstruction")).toMatch(/ from 0\.06\d+ \(d=64, k=8\) to 0\.12\d* \(d=64, k=4\)\.$/);
  expect(firstOf(report, "Training")).toBe(
    "The loss of 1 of 2 SAEs fell by more than 1 % in its last epoch: more epochs may help these.",
  );
  expect(firstOf(report, "Latents")).toBe(
    "Of all latents 12.5% never fire, and 37.5% fire in more than a tenth of the rows.",
  );
});

test("of a single SAE it says the number alone", async () => {
  const report = (await buildReport(fileOf(rows.slice(0, 1)))).get("report.md")!;
  expect(firstOf(report, "Feature utilization")).toBe("Feature death rate is 0.250.");
});
