import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { metricsCsv } from "../../src/record/csv.ts";
import { configurationKey } from "../../src/record/identity.ts";
import { measuredRecord } from "../../src/record/measured.ts";
import { parseMetrics, serializeMetrics } from "../../src/record/metricsFile.ts";
import { fileOf, row } from "./sample.ts";

const old = () => readFileSync("test/fixtures/record/before-config.metrics.json", "utf8");

const config = {
  batch_size: 32,
  decoder_bias: false,
  k: 4,
  latent_dim: 64,
  learning_rate: 3e-4,
  seed: 0,
  select: "value",
};
const origin = { model: "gpt2-small", hook: "blocks.8.hook_resid_pre", layer: 8 };

test("how many latents were resampled comes back from a metrics file; a table has no lists", () => {
  const file = fileOf([row({ resampled: [24, 0, 7] }), row({ k: 8 })]);
  const text = serializeMetrics(file);
  expect(parseMetrics(text, "m.json")).toEqual(file);
  expect(JSON.parse(text).rows[0].resampled).toEqual([24, 0, 7]);
  expect(JSON.parse(text).rows[1]).not.toHaveProperty("resampled");
  const [read] = parseMetrics(metricsCsv(file.rows), "m.csv").rows;
  expect(read!.metrics).toEqual(file.rows[0]!.metrics);
  expect(() => parseMetrics(text.replace("24", '"many"'), "m.json")).toThrow("resampled");
});

describe("a record's configuration and origin", () => {
  test("come back from a metrics file as they were, and stand there as objects", () => {
    const file = fileOf([row({ config, origin, output_dim: 48, threads: 4 }), row({ k: null })]);
    const text = serializeMetrics(file);
    expect(parseMetrics(text, "m.json")).toEqual(file);
    const [first, second] = JSON.parse(text).rows;
    expect(first).toMatchObject({ config, origin, output_dim: 48, threads: 4 });
    expect(second).toMatchObject({ config: {}, origin: null });
    expect(second).not.toHaveProperty("output_dim");
    expect(second).not.toHaveProperty("threads");
  });

  test("stand in a table as config.KEY and origin.KEY where no other column says it", () => {
    const complete = { ...config, architecture: "topk", preset: "report", epochs: 2, input_dim: 32 };
    const records = [
      row({ config: complete, origin, threads: 4, loss: [], splits: {} }),
      row({ k: 8, loss: [], splits: {} }),
    ];
    const text = metricsCsv(records);
    const [header] = text.split("\n");
    expect(header!.split(",").filter((key) => key.includes("."))).toEqual([
      ...["config.batch_size", "config.decoder_bias", "config.learning_rate", "config.select"],
      ...["origin.model", "origin.hook", "origin.layer"],
    ]);
    expect(parseMetrics(text, "m.csv").rows).toEqual(records);
  });

  test("whatever the words and numbers, a table gives them back", () => {
    const setting = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), setting, { minKeys: 1 }), (values) => {
        const tagged = Object.fromEntries(Object.entries(values).map(([key, value]) => [`x_${key}`, value]));
        const [read] = parseMetrics(metricsCsv([row({ config: tagged })]), "m.csv").rows;
        for (const [key, value] of Object.entries(tagged)) expect(read?.config[key]).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test("are part of what it is; the seed, the name and the threads are not", () => {
    const key = configurationKey(row({ config }));
    expect(configurationKey(row({ config, threads: 4 }))).toBe(key);
    expect(configurationKey(row({ config: { ...config, seed: 3 }, seed: 3, name: "other" }))).toBe(key);
    expect(configurationKey(row({ config: { ...config, learning_rate: 1e-3 } }))).not.toBe(key);
    expect(configurationKey(row({ config: { ...config, select: "magnitude" } }))).not.toBe(key);
    expect(configurationKey(row({ config, origin }))).not.toBe(key);
    expect(configurationKey(row({ config, output_dim: 48 }))).not.toBe(key);
  });

  test.each([
    ["a configuration that is a list", { config: [1] }, /^m\.json: row 1 \(.*\): config is \[1\]: /],
    [
      "a value of it that is a list",
      { config: { k: [1] } },
      /: config\.k is \[1\]: .*; correct it or take the row out$/,
    ],
    ["an origin that is a word", { origin: "gpt2" }, /: origin is "gpt2": /],
    ["an output of no width", { output_dim: 0 }, /: output_dim is 0: /],
  ])("%s is refused in one line", (_, fields, message) => {
    const text = serializeMetrics(fileOf([row(fields as never)]));
    expect(() => parseMetrics(text, "m.json")).toThrow(message);
  });
});

describe("a measured model", () => {
  const evaluation = {
    metrics: {},
    nullReasons: {},
    splits: {},
    latents: {},
    inputDim: 32,
    latentDim: 64,
    outputDim: undefined,
    k: undefined,
  };
  const of = (metadata: Record<string, string>) => measuredRecord("m", "cpu", { ...evaluation, metadata });

  test("gives what its metadata say of its configuration and origin", () => {
    const record = of({ config: JSON.stringify({ ...config, output_dim: 48 }), origin: JSON.stringify(origin) });
    expect(record).toMatchObject({ config: { ...config, output_dim: 48 }, origin, output_dim: 48, k: 4, seed: 0 });
  });

  test.each([
    ["nothing", {}],
    ["no JSON", { config: "{", origin: "{" }],
    ["no objects", { config: "[1]", origin: "null" }],
    ["values of other kinds", { config: '{"k": null, "a": [1]}', origin: '{"model": {"name": "x"}}' }],
  ])("of which they say %s has neither", (_, metadata) => {
    expect(of(metadata as Record<string, string>)).toMatchObject({
      config: {},
      origin: null,
      output_dim: null,
      k: null,
    });
  });
});

describe("a metrics file from before records had a configuration", () => {
  test("still reads, its configurations unknown", () => {
    const { rows } = parseMetrics(old(), "old.json");
    expect(rows).toHaveLength(4);
    for (const one of rows) expect(one).toMatchObject({ config: {}, origin: null, output_dim: null, preset: "report" });
    expect(rows[0]?.metrics.l0_mean).toBe(2);
  });

  test("of a version to come is refused in one line", () => {
    expect(() => parseMetrics(old().replace('"version": 1', '"version": 2'), "old.json")).toThrow(
      /^old\.json: version 2, this sae-onnx reads version 1; .*use the release that wrote it$/,
    );
  });
});
