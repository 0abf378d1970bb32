import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SaeRecord } from "../../src/record/record.ts";
import { charts } from "../../src/report/charts/index.ts";
import { configurations, dataGroup, meanOf, placesOn } from "../../src/report/configurations.ts";
import { gridFiles } from "../../src/report/derived.ts";
import { paretoSet, parseObjectives } from "../../src/report/pareto.ts";
import { recommend } from "../../src/report/recommend.ts";
import { renderSvg } from "../../src/report/render.ts";
import { buildReport } from "../../src/report/report.ts";
import { defaultObjectives } from "../../src/report/sparsity.ts";
import { recordsTable } from "../../src/report/table.ts";
import { architectures } from "../../src/sae/index.ts";
import { experimentGrid, fileOf, row } from "./sample.ts";

const shared = {
  batch_size: 32,
  epochs: 2,
  input_dim: 32,
  optimizer: "adam",
  preset: "report",
  seed: 0,
  step: "dense",
};
const measured = (ev: number, l0: number) => ({
  ...{ explained_variance: ev, explained_variance_centered: ev - 0.4, l0_mean: l0, feature_death_rate: 0.1 },
  ...{ mean_activation: 2, num_active_features: 50, reconstruction_loss: 1 - ev },
});

/** An SAE of exact selection with some configuration. */
const topk = (latent_dim: number, k: number, config: SaeRecord["config"] = {}, ev = 0.5 + k / 100): SaeRecord => {
  const name = `topk_d${latent_dim}_k${k}_${Object.values(config).join("_")}`;
  const whole = { ...shared, architecture: "topk", latent_dim, k, learning_rate: 1e-3, select: "magnitude", ...config };
  return row({ name, latent_dim, k, config: whole, metrics: measured(ev, k) });
};

/** An SAE without k, its sparsity set by a coefficient. */
const relu = (latent_dim: number, lambda: number, config: SaeRecord["config"] = {}): SaeRecord => {
  const name = `relu_d${latent_dim}_${lambda}_${Object.values(config).join("_")}`;
  const whole = { ...shared, architecture: "relu-l1", latent_dim, lambda, learning_rate: 1e-3, ...config };
  const metrics = measured(0.9 - lambda, 2 / lambda + latent_dim / 100);
  return row({ name, architecture: "relu-l1", latent_dim, k: null, config: whole, metrics });
};

const labels = (records: readonly SaeRecord[]) => configurations(records).map(({ label }) => label);
const axesOf = (records: readonly SaeRecord[]) => {
  const all = configurations(records);
  const { x, y } = all[0]!.axes;
  return { x, y, xs: placesOn("x", all), ys: placesOn("y", all), panels: [...new Set(all.map(({ panel }) => panel))] };
};

describe("axes are what varies", () => {
  test("latents and k, whatever follows from them", () => {
    const records = [512, 1024].flatMap((d) => [5, 100].map((k) => topk(d, k, { step: k > 5 ? "dense" : "live" })));
    expect(axesOf(records)).toEqual({ x: "k", y: "latent_dim", xs: ["5", "100"], ys: ["512", "1024"], panels: [""] });
    expect(labels(records)[0]).toBe("d=512, k=5");
  });

  test("a third key makes panels", () => {
    const records = [512, 1024].flatMap((d) =>
      [5, 10].flatMap((k) => ["magnitude", "value"].map((select) => topk(d, k, { select }))),
    );
    expect(axesOf(records)).toMatchObject({ x: "k", y: "latent_dim", panels: ["select=magnitude", "select=value"] });
    expect(labels(records)).toContain("d=512, k=10, select=value");
  });

  test("where k does not vary, what does; where latents do not either, two others", () => {
    const rates = [512, 1024].flatMap((d) => [1e-3, 3e-4].map((learning_rate) => topk(d, 5, { learning_rate })));
    expect(axesOf(rates)).toMatchObject({ x: "learning_rate", y: "latent_dim", xs: ["0.0003", "0.001"], panels: [""] });
    expect(labels(rates)[0]).toBe("d=512, k=5, lr=0.0003");
    const two = [1e-3, 3e-4].flatMap((learning_rate) =>
      [16, 32].map((batch_size) => topk(512, 5, { learning_rate, batch_size })),
    );
    expect(axesOf(two)).toMatchObject({ x: "batch_size", y: "learning_rate", panels: [""] });
    const ks = [1e-3, 3e-4].flatMap((learning_rate) => [5, 10].map((k) => topk(512, k, { learning_rate })));
    expect(axesOf(ks)).toMatchObject({ x: "k", y: "learning_rate", panels: [""] });
  });

  test("without k the coefficient of the sparsity", () => {
    const records = [512, 1024].flatMap((d) => [0.01, 0.1].map((lambda) => relu(d, lambda)));
    expect(axesOf(records)).toMatchObject({ x: "lambda", y: "latent_dim", xs: ["0.01", "0.1"], panels: [""] });
    expect(labels(records)[0]).toBe("d=512, lambda=0.01");
  });

  test("of a preset and the options it sets the preset is enough", () => {
    const original = { decoder_bias: true, unit_norm: "init" };
    const records = [topk(512, 5), { ...topk(512, 5, original), preset: "original" }];
    expect(configurations(records).map(({ panel }) => panel)).toEqual(["original", "report"]);
  });

  test("a file from before configurations stands beside one that has them", () => {
    const records = [1e-3, 3e-4].map((learning_rate) => topk(512, 5, { learning_rate }));
    expect(labels([...records, { ...records[0]!, config: {}, name: "old" }])).toEqual([
      ...["d=512, k=5, lr=0.0003", "d=512, k=5, lr=0.001"],
      "d=512, k=5, configuration not stated",
    ]);
  });
});

describe("architectures whose sparsity is set by other options", () => {
  const table = architectures as unknown as Record<string, object>;
  beforeAll(() => {
    table["relu-l1"] = { ...architectures["pretrained-relu"], sparsity: "lambda" };
  });
  afterAll(() => {
    delete table["relu-l1"];
  });
  const records = [512, 1024].flatMap((d) => [
    ...[5, 10].map((k) => topk(d, k)),
    ...[0.01, 0.1].map((l) => relu(d, l)),
  ]);

  test("stand beside each other in one plane", () => {
    expect(axesOf(records)).toEqual({
      ...{ x: "sparsity", y: "latent_dim", ys: ["512", "1024"], panels: [""] },
      xs: ["k=5", "k=10", "lambda=0.01", "lambda=0.1"],
    });
  });

  test("each has its cell and its point; none is called a gap", async () => {
    const files = await buildReport(fileOf(records));
    expect(files.get("report.md")).not.toContain("gaps or faults");
    for (const name of ["heatmap_explained_variance.svg", "pareto_frontier.svg"])
      for (const label of labels(records)) expect(files.get(name), `${label} in ${name}`).toContain(label);
    expect(files.get("heatmap_explained_variance.svg")).not.toContain("no such SAE");
  });
});

test("an SAE whose sparsity nothing sets stands beside those of k", () => {
  const records = [
    topk(512, 5),
    topk(512, 10),
    row({ architecture: "relu", k: null, latent_dim: 512, config: shared }),
  ];
  expect(axesOf(records)).toMatchObject({ x: "sparsity", xs: ["k=5", "k=10", "none"], panels: ["relu", "topk"] });
  expect(labels(records)).toEqual(["d=512, relu", "d=512, k=5, topk", "d=512, k=10, topk"]);
});

describe("every record is shown", () => {
  const imported = (hook: string, ev: number) =>
    row({ name: hook, k: null, origin: { model: "gpt2", hook }, config: shared, metrics: measured(ev, 60) });
  const same = (name: string, ev: number) => row({ name, k: null, metrics: measured(ev, 60) });
  const cases: readonly (readonly [string, readonly SaeRecord[], readonly string[]])[] = [
    ["two learning rates", [topk(512, 5, { learning_rate: 0.01 }), topk(512, 5)], ["lr=0.001", "lr=0.01"]],
    ["two selections", [topk(512, 5, { select: "value" }), topk(512, 5)], ["select=magnitude", "select=value"]],
    ["two imported SAEs of one size", [imported("h8", 0.5), imported("h9", 0.6)], ["hook=h8", "hook=h9"]],
    ["two of which nothing is known but the name", [same("a", 0.5), same("b", 0.6)], ["d=64, a", "d=64, b"]],
    ["one name twice", [same("a", 0.5), same("a", 0.6)], ["d=64, a", "d=64, a (2)"]],
  ];

  test.each(cases)("%s", async (_, records, told) => {
    const files = await buildReport(fileOf(records));
    const page = files.get("index.html")!;
    for (const text of told) {
      expect(page, text).toContain(text);
      expect(files.get("heatmap_explained_variance.svg"), text).toContain(text);
      expect(files.get("pareto_frontier.svg"), text).toContain(text);
    }
    expect(JSON.parse(files.get("pareto_optimal_configs.json")!)).toMatchObject({ analysis: { not_comparable: [] } });
    expect(recordsTable(configurations(records)).rows).toHaveLength(records.length);
    expect(new Set(recordsTable(configurations(records)).rows.map((cells) => cells.join())).size).toBe(records.length);
  });

  test("three seeds of two learning rates are two configurations", () => {
    const records = [0, 1, 2].flatMap((seed) =>
      [1e-3, 3e-4].map((learning_rate) => ({ ...topk(512, 5, { learning_rate, seed }), seed })),
    );
    expect(configurations(records).map((one) => one.records.map(({ seed }) => seed))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  test("two learning rates each get their file in the experiment's shape", () => {
    const files = gridFiles(
      fileOf([]),
      configurations([1e-3, 3e-4].map((learning_rate) => topk(512, 5, { learning_rate }))),
    );
    expect([...files.keys()]).toEqual([
      "grid_metrics_latent512_lr_0_0003.json",
      "grid_metrics_latent512_lr_0_001.json",
    ]);
  });
});

describe("quality against sparsity", () => {
  const ruleOf = (records: readonly SaeRecord[]) => defaultObjectives(configurations(records));

  test("is against k where that is the measured L0 of all and varies", () => {
    expect(ruleOf(experimentGrid().rows)).toBe("explained_variance:max,k:min");
    expect(ruleOf([topk(512, 5), topk(512, 10)])).toBe("explained_variance:max,k:min");
  });

  test.each([
    ["k is not there", [relu(512, 0.1), relu(512, 0.01)]],
    ["k is not there in one", [topk(512, 5), topk(512, 10), relu(512, 0.01)]],
    ["k does not vary", [topk(512, 5), topk(1024, 5)]],
    ["fewer latents fire than k", [topk(512, 5), { ...topk(512, 10), metrics: measured(0.6, 8) }]],
  ])("is against measured L0 where %s", (_, records) => {
    expect(ruleOf(records)).toBe("explained_variance:max,l0_mean:min");
  });

  test("recommends without k, by L0", () => {
    const records = [0.01, 0.03, 0.1, 0.3].map((lambda) => relu(512, lambda));
    const { by, all } = recommend(configurations(records));
    expect(by).toBe("here");
    expect(all[0]!.rule).toMatch(/^smallest L0 of those with at most 10 % dead latents/);
    expect(all[0]!.chosen?.label).toBe("d=512, lambda=0.3");
  });

  test("every panel has the staircase of all SAEs on its activations", async () => {
    const records = ["magnitude", "value"].flatMap((select, i) =>
      [512, 1024].flatMap((d) => [5, 10].map((k) => topk(d, k, { select }, 0.5 + k / 100 + i / 10))),
    );
    const all = configurations(records);
    const rule = { objectives: parseObjectives(defaultObjectives(all)), dominance: "standard" } as const;
    const spec = charts.pareto_frontier.spec(all, {
      width: 860,
      latents: {},
      pareto: paretoSet(all, rule, meanOf, dataGroup),
    });
    const { values } = (spec as unknown as { data: { values: { kind: string; panel: string; y: number }[] } }).data;
    const stairs = (panel: string) =>
      values.filter((one) => one.kind === "stairs" && one.panel === panel).map(({ y }) => y);
    expect(stairs("select=magnitude")).toEqual(stairs("select=value"));
    expect(await renderSvg(spec!)).toContain("select=value");
  });
});
