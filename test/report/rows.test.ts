import { describe, expect, test } from "vitest";
import { metricsCsv } from "../../src/record/csv.ts";
import { parseMetrics, serializeMetrics } from "../../src/record/metricsFile.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { exampleText, experimentGrid, experimentSweep, fileOf, row } from "./sample.ts";

describe("our own file", () => {
  test("comes back as it was written", () => {
    const file = fileOf([
      row(),
      row({ k: null, layer: null, train_time_sec: null, metrics: { explained_variance: null } }),
    ]);
    expect(parseMetrics(serializeMetrics(file), "metrics.json")).toEqual(file);
  });

  test("is flat on disk", () => {
    const [first] = JSON.parse(serializeMetrics(fileOf([row()]))).rows;
    expect(first).toMatchObject({
      name: "sae_d64_k4_s0",
      latent_dim: 64,
      k: 4,
      explained_variance: 0.5,
      loss: [0.5, 0.25],
    });
    expect(first).not.toHaveProperty("metrics");
  });

  test("may hold NaN as Python writes it, outside of strings only", () => {
    const text = serializeMetrics(fileOf([row({ name: "NaN, -Infinity" })]))
      .replace("0.5,", "NaN,")
      .replace("0.25,", "-Infinity,");
    const [read] = parseMetrics(text, "metrics.json").rows;
    expect(read?.name).toBe("NaN, -Infinity");
    expect(read?.metrics).toEqual({ explained_variance: Number.NaN, feature_death_rate: Number.NEGATIVE_INFINITY });
  });
});

describe("the experiment's file", () => {
  test("gives twelve rows with what its metadata says", () => {
    const { rows, data } = experimentGrid();
    expect(rows).toHaveLength(12);
    expect(rows[0]).toMatchObject({ latent_dim: 512, k: 5, layer: 14, position: 3, input_dim: 2048, epochs: 25 });
    expect(rows[0]?.metrics.explained_variance).toBe(0.702);
    expect(rows[0]?.seed).toBeNaN();
    expect(data).toMatchObject({ train_rows: 5978, validation_rows: 1495, digest: "" });
  });

  test("in a table leaves out what was not measured", () => {
    const { rows } = experimentSweep();
    expect(rows).toHaveLength(480);
    expect(rows.filter(({ metrics }) => "mean_activation" in metrics)).toHaveLength(192);
  });
});

test("a table of rows read back has the same numbers", () => {
  const { rows } = experimentGrid();
  const named = rows.map((one) => ({ ...one, name: `${one.name}, "grid"` }));
  expect(parseMetrics(metricsCsv(named), "metrics.csv").rows).toEqual(named);
});

const grid = exampleText("experiment-grid.json");
const own = serializeMetrics(fileOf([row()]));
const faults: readonly (readonly [what: string, text: string, file: string, message: RegExp])[] = [
  ["half a file", grid.slice(0, 500), "grid.json", /^grid\.json: not valid JSON .*complete/],
  ["another file", "[1, 2]", "a.json", /^a\.json: neither a metrics file .* it holds \[1,2\]; give/],
  [
    "another version",
    own.replace('"version": 1', '"version": 2'),
    "m.json",
    /^m\.json: version 2, .* reads version 1; /,
  ],
  ["rows of another kind", own.replace(/"rows": \[.*\]/s, '"rows": 3'), "m.json", /^m\.json: rows is 3, not a list/],
  ["data without a digest", own.replace(/"digest": "\w+",/, ""), "m.json", /^m\.json: data\.digest: /],
  [
    "a size that is no number",
    own.replace('"latent_dim": 64', '"latent_dim": "64"'),
    "m.json",
    /^m\.json: row 1 \(sae_d64_k4_s0\): latent_dim is "64"/,
  ],
  [
    "a metric that is no number",
    own.replace("0.5", '"good"'),
    "m.json",
    /row 1 \(sae_d64_k4_s0\): explained_variance is "good"/,
  ],
  [
    "a cell that is no object",
    '{"results": {"512": {"5": 3}}}',
    "g.json",
    /^g\.json: results\["512"\]\["5"\] is 3, not an object/,
  ],
  [
    "a k that is no number",
    '{"results": {"512": {"five": {}}}}',
    "g.json",
    /^g\.json: results\["512"\]\["five"\]: k is NaN/,
  ],
  ["a Pareto file without a list", '{"pareto_optimal": 4}', "p.json", /^p\.json: pareto_optimal is 4, not a list/],
  ["a table without a header", "5,1024,0.7\n", "t.csv", /^t\.csv: the first line must name the columns/],
  ["a short line", "k,latent_dim,explained_variance\n5,1024\n", "t.csv", /^t\.csv: line 2: 2 cells, the header has 3/],
  ["a cell that is no number", "k,latent_dim\n5,big\n", "t.csv", /^t\.csv: line 2: latent_dim is "big", not a number/],
];

test.each(faults)("%s is refused in one line", (_, text, file, message) => {
  const parse = () => parseMetrics(text, file);
  expect(parse).toThrow(ConfigError);
  expect(parse).toThrow(message);
  expect(parse).not.toThrow(/\n/);
});
