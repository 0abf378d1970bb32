import { expect, test } from "vitest";
import { mergeMetrics } from "../../src/report/merge.ts";
import { buildReport } from "../../src/report/report.ts";
import { parseMetrics } from "../../src/report/rows.ts";
import { experimentGrid, fileOf, row } from "./sample.ts";

const named = (name: string, file: ReturnType<typeof fileOf>) => ({ name, file });

test("the experiment's three files give its twelve rows", async () => {
  const files = await buildReport(experimentGrid());
  const names = [512, 1024, 2048].map((dim) => `grid_metrics_latent${dim}.json`);
  const merged = mergeMetrics(names.map((name) => named(name, parseMetrics(files.get(name)!, name))));
  expect(merged).toEqual(experimentGrid());
});

test("different activations of one place are refused, of different places allowed", () => {
  const a = named("a.json", fileOf([row()], { digest: "aa" }));
  const b = named("b.json", fileOf([row()], { digest: "bb" }));
  expect(() => mergeMetrics([a, b])).toThrow(
    "report: a.json and b.json were measured on different activations (digests aa and bb, both layer 14, position 3); report them apart, or compare them",
  );
  const elsewhere = named("b.json", fileOf([row({ layer: 3 })], { digest: "bb", synthetic: true }));
  expect(mergeMetrics([a, elsewhere])).toMatchObject({
    rows: [{ layer: 14 }, { layer: 3 }],
    data: { synthetic: true },
  });
});

test("no file is refused", () => {
  expect(() => mergeMetrics([])).toThrow("report: no metrics file given");
});
