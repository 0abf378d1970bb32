import { describe, expect, test } from "vitest";
import { parseMetrics, serializeMetrics } from "../../src/record/metricsFile.ts";
import { buildReport } from "../../src/report/report.ts";
import { experimentGrid, experimentSweep, fileOf, row } from "./sample.ts";

const heatmaps = [
  "explained_variance",
  "feature_death_rate",
  "mean_activation",
  "max_activation",
  "reconstruction_loss",
];
const figures = ["pareto_frontier", ...heatmaps.map((key) => `heatmap_${key}`)];

describe("the report on the experiment's rows", async () => {
  const files = await buildReport(experimentGrid());
  const page = files.get("index.html")!;

  test("has every file of the experiment's, and the page, tables and specifications", () => {
    expect([...files.keys()].sort()).toEqual(
      [
        ...figures.flatMap((name) => [`${name}.svg`, `${name}.vl.json`]),
        ...[512, 1024, 2048].map((dim) => `grid_metrics_latent${dim}.json`),
        ...["index.html", "report.md", "metrics.csv", "table.tex", "pareto_optimal_configs.json"],
      ].sort(),
    );
  });

  test("is one page that asks for nothing from anywhere", () => {
    const foreign = page.match(/\b(?:src|href)="(?!#)[^"]*"|@import|url\((?!#)[^)]*\)|fetch\(/g) ?? [];
    expect(foreign).toEqual([]);
    expect(page.match(/<svg /g)).toHaveLength(2 * figures.length);
    expect(page.length).toBeLessThan(3e6);
  });

  test("has every id once", () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
  });

  test("says which rule gave which Pareto set", () => {
    expect(files.get("report.md")).toContain("`explained_variance:max,k:min`, `standard` dominance");
    expect(files.get("report.md")).toContain("4 of 12 configurations are Pareto-optimal, 8 dominated.");
  });

  test("gives gains in percentage points", () => {
    expect(files.get("report.md")).toContain("| 5 | 0.702 | 0.710 | 0.719 | +1.7 |");
  });

  test("writes the experiment's files so that they read back as the same rows", () => {
    const { rows } = experimentGrid();
    for (const dim of [512, 1024, 2048]) {
      const name = `grid_metrics_latent${dim}.json`;
      const { metadata, results } = JSON.parse(files.get(name)!);
      expect(Object.keys(results)).toEqual([String(dim)]);
      expect(metadata).toMatchObject({
        position: 3,
        layer: 14,
        n_train: 5978,
        n_val: 1495,
        input_dim: 2048,
        epochs: 25,
        batch_size: 256,
      });
      const read = parseMetrics(files.get(name)!, name).rows;
      expect(read).toEqual(rows.filter(({ latent_dim }) => latent_dim === dim));
    }
  });

  test("writes the Pareto set with its rule, and reads it back", () => {
    const text = files.get("pareto_optimal_configs.json")!;
    expect(JSON.parse(text)).toMatchObject({
      rule: { objectives: "explained_variance:max,k:min", dominance: "standard" },
      num_pareto: 4,
      num_dominated: 8,
      analysis: { ranges: { explained_variance: [0.719, 0.88], k: [5, 100] } },
    });
    expect(parseMetrics(text, "pareto_optimal_configs.json").rows.map(({ name }) => name)).toEqual([
      "l14_p3_d1024_k100",
      "l14_p3_d2048_k5",
      "l14_p3_d2048_k10",
      "l14_p3_d2048_k20",
    ]);
  });

  test("writes all rows to a table", () => {
    expect(parseMetrics(files.get("metrics.csv")!, "metrics.csv").rows).toEqual(experimentGrid().rows);
  });

  test("says that one seed shows no spread", () => {
    expect(files.get("report.md")).toContain("One seed each: no spread was measured");
  });
});

test("explained variances stand beside what the mean predictor scores", async () => {
  const rows = [64, 128].map((latent_dim) =>
    row({ latent_dim, metrics: { explained_variance: 0.6, mean_predictor_explained_variance: 0.5071 } }),
  );
  const report = (await buildReport(fileOf(rows))).get("report.md");
  expect(report).toContain("Explained variance; gain in percentage points; predicting the mean row scores 0.507\n");
  expect(report).toContain("Predicting the mean of the rows alone scores an explained variance of 0.507.");
});

test("the rule can be chosen", async () => {
  const files = await buildReport(experimentGrid(), { pareto: "explained_variance:max,k:min", dominance: "strict" });
  expect(JSON.parse(files.get("pareto_optimal_configs.json")!)).toMatchObject({ num_pareto: 12, num_dominated: 0 });
});

test("the sweep's page has the maps by layer and position, within the page's budget", async () => {
  const files = await buildReport(experimentSweep());
  expect(files.has("layers_explained_variance.svg")).toBe(true);
  expect(files.get("index.html")!.length).toBeLessThan(3e6);
});

test("synthetic data is called so, measured data is not", async () => {
  const page = async (synthetic: boolean) => (await buildReport(fileOf([row()], { synthetic }))).get("index.html");
  expect(await page(true)).toContain("Synthetic data.");
  expect(await page(false)).not.toContain("Synthetic data.");
});

test("names from a file are text on the page, not markup", async () => {
  const files = await buildReport(
    fileOf([row({ architecture: "a<b>&", name: "n" }), row({ name: "m" })], { source: "<script>alert(1)</script>" }),
  );
  expect(files.get("index.html")).not.toContain("<script>alert");
  expect(files.get("index.html")).toContain("&#60;script&#62;alert(1)");
  expect(files.get("index.html")).not.toContain("a<b>&");
  expect(files.get("report.md")).not.toContain("<script>");
});

test("gaps are told on the page and drawn as gaps", async () => {
  const bad = row({ latent_dim: 128, metrics: { explained_variance: Number.NaN, feature_death_rate: 0.5 } });
  const files = await buildReport(fileOf([row(), bad, row({ latent_dim: 64, k: 8 })]));
  const report = files.get("report.md")!;
  expect(report).toContain("sae_d128_k4_s0: explained_variance is NaN; shown as a gap.");
  expect(report).toContain("No SAE for (d=128, k=8); the cells stay empty.");
  expect(report).toContain("d=128, k=4 cannot be compared: no value for explained_variance.");
  expect(files.get("heatmap_explained_variance.svg")!.match(/stroke-dasharray="3,3"/g)).toHaveLength(2);
});

test("a file without a row to show is refused", async () => {
  await expect(buildReport(fileOf([]))).rejects.toThrow(
    "report on acts.safetensors: no row to show; give a metrics file with rows",
  );
});

describe("several seeds", () => {
  // Dictionary size adds 0.1 at k=4 and a tenth of the spread at k=8.
  const values = { "64/4": 0.54, "128/4": 0.64, "64/8": 0.58, "128/8": 0.5804 } as const;
  const rows = ([64, 128] as const).flatMap((latent_dim) =>
    ([4, 8] as const).flatMap((k) =>
      [0, 1, 2].map((seed) => {
        const metrics = { explained_variance: values[`${latent_dim}/${k}`] + 0.004 * (seed - 1) };
        return row({ name: `d${latent_dim}_k${k}_s${seed}`, latent_dim, k, seed, metrics });
      }),
    ),
  );

  test("are told in words: what stands out and what is noise", async () => {
    const report = (await buildReport(fileOf(rows))).get("report.md")!;
    expect(report).toMatch(
      /Explained variance: 1 of 2 differences are not distinguishable from seed noise: d=64, k=8 to d=128 \(/,
    );
    expect(report).toMatch(/\| d=64, k=4 \| d=128, k=4 \| Explained variance \| .* \| stands out \|/);
    expect(report).toMatch(/\| d=64, k=4 \| 3 \| 0\.5\d\d ± 0\.0\d\d \|/);
  });

  test("count as one configuration each in the Pareto set, by their means", async () => {
    const file = JSON.parse((await buildReport(fileOf(rows))).get("pareto_optimal_configs.json")!);
    expect(file.num_pareto + file.num_dominated).toBe(4);
    const mean = rows.slice(6, 9).reduce((sum, one) => sum + one.metrics.explained_variance!, 0) / 3;
    expect(file.pareto_optimal.find((one: { k: number }) => one.k === 4).explained_variance).toBeCloseTo(mean, 12);
  });

  test("survive being written and read", () => {
    const file = fileOf(rows);
    expect(parseMetrics(serializeMetrics(file), "m.json")).toEqual(file);
  });
});

describe("comparison", () => {
  test("goes cell by cell and says that the activations differ", async () => {
    const other = { ...experimentGrid(), data: { ...experimentGrid().data, digest: "cd" } };
    const mine = fileOf([
      row({ latent_dim: 512, k: 5, metrics: { explained_variance: 0.722 } }),
      row({ latent_dim: 64 }),
    ]);
    const report = (await buildReport(mine, { compare: { name: "experiment-grid.json", file: other } })).get(
      "report.md",
    )!;
    expect(report).toContain("against **experiment-grid.json** (B), 1 configuration of equal latents and k");
    expect(report).toContain("**different activations**");
    expect(report).toMatch(/\| d=512, k=5 \| 0\.722 \| 0\.702 \| \+0\.020 \| one seed on a side: no spread \|/);
    expect(report).toContain("Only in A, or there more than once: (d=64, k=4).");
  });

  test("is left out without another file", async () => {
    expect((await buildReport(fileOf([row()]))).get("report.md")).not.toContain("## Comparison");
  });
});
