import { expect, test } from "vitest";
import { mergeMetrics, withDistinctNames } from "../../src/record/merge.ts";
import { parseMetrics } from "../../src/record/metricsFile.ts";
import { buildReport } from "../../src/report/report.ts";
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
    "report: a.json and b.json were measured on different activations (digests aa and bb, both layer 14, position 3); report them apart, or one with --compare and the other",
  );
  const elsewhere = named("b.json", fileOf([row({ layer: 3 })], { digest: "bb", synthetic: true }));
  expect(mergeMetrics([a, elsewhere])).toMatchObject({
    rows: [{ layer: 14 }, { layer: 3 }],
    data: { synthetic: true },
  });
});

test("what files state differently is not stated for the whole, and the page names each file's data", async () => {
  const a = named("a.json", fileOf([row()], { source: "a.npy", digest: "aa", train_rows: 80 }));
  const b = named("b.json", {
    ...fileOf([row({ layer: 3 })], { source: "b.npy", digest: "bb", train_rows: 90 }),
    config: { epochs: 9 },
  });
  const files = withDistinctNames([a, b]);
  const merged = mergeMetrics(files);
  expect(merged.data).toMatchObject({ source: "a.npy, b.npy", digest: "", validation_rows: 20, input_dim: 32 });
  expect(merged.data.train_rows).toBeNaN();
  expect(merged.config).toEqual({ "a.json": a.file.config, "b.json": { epochs: 9 } });
  const report = (await buildReport(merged, { inputs: files })).get("report.md")!;
  expect(report).toContain("| a.json | 1 | a.npy | 80 | 20 | `aa` |");
  expect(report).toContain("| b.json | 1 | b.npy | 90 | 20 | `bb` |");
});

test("SAEs of one name in several files are told apart, others keep theirs", () => {
  const a = named("a.json", fileOf([row({ name: "x" }), row({ name: "y", k: 8 })]));
  const b = named("b.json", fileOf([row({ name: "x", layer: 3 })]));
  expect(withDistinctNames([a, b]).map(({ file }) => file.rows.map(({ name }) => name))).toEqual([
    ["a.json: x", "y"],
    ["b.json: x"],
  ]);
});

test("a file named twice is refused", () => {
  const a = named("a.json", fileOf([row()]));
  expect(() => mergeMetrics([a, a])).toThrow("report: a.json is named twice; name each file once");
});

test("no file is refused", () => {
  expect(() => mergeMetrics([])).toThrow("report: no metrics file given");
});
