import { describe, expect, test } from "vitest";
import { metricKeys } from "../../src/metrics/index.ts";
import { type Chart, sections } from "../../src/report/charts/chart.ts";
import { charts } from "../../src/report/charts/index.ts";
import { buildReport } from "../../src/report/report.ts";
import { experimentGrid, experimentSweep, fileOf, row } from "./sample.ts";

const below = { explained_variance: 0.1, explained_variance_centered: -0.2, mean_predictor_explained_variance: 0.3 };
const above = { ...below, explained_variance: 0.6, explained_variance_centered: 0.4 };

describe("charts name the section they stand in", () => {
  const latents = { frequency: [0.5, 0.1], mean_activation: [1, 2], max_activation: [2, 3] };
  const any = Object.fromEntries(Object.keys(metricKeys).map((key) => [key, 0.5]));
  const grid = experimentGrid().rows.map((one) => ({
    ...one,
    loss: [0.5, 0.2],
    // Every metric there is, so that a new chart has what it shows.
    metrics: { ...any, ...one.metrics, l0_mean: one.k, mean_max_cosine: 0.5, recovered_features: 3 },
  }));
  const rows = [3, 14].flatMap((layer) => grid.map((one) => ({ ...one, layer, name: `${one.name}_l${layer}` })));

  test("every chart of the table reaches the page", async () => {
    const byName = Object.fromEntries(rows.map(({ name }) => [name, latents]));
    const page = (await buildReport(fileOf(rows), { latents: byName })).get("index.html")!;
    for (const { name } of Object.values<Chart>(charts)) expect(page, name).toContain(`<figure id="${name}">`);
  });

  test.each(Object.entries(sections))("one added to the table stands in its section, %s", async (section, heading) => {
    const added: Chart = {
      ...charts.heatmap_explained_variance,
      ...{ name: "added", section: section as keyof typeof sections, caption: "An added chart." },
    };
    const report = (await buildReport(fileOf(rows), { charts: { ...charts, added } })).get("report.md")!;
    const parts = report.split(/^#{2,3} /m);
    expect(parts.find((part) => part.startsWith(heading))).toContain("(added.svg)");
    expect(report.match(/\(added\.svg\)/g)).toHaveLength(1);
  });
});

describe("an SAE below the mean predictor", () => {
  test("is named in the summary and marked in the table", async () => {
    const rows = [row({ name: "good", metrics: above }), row({ name: "bad", k: 8, metrics: below })];
    const report = (await buildReport(fileOf(rows))).get("report.md")!;
    expect(report).toContain(
      "- **Below the mean predictor: (d=64, k=8). Always predicting the mean row has a smaller error.**",
    );
    expect(report).toContain("* Below the mean predictor: bad. Always predicting the mean row has a smaller error.");
    expect(report).toContain("| −0.200 * |");
    expect(report).toContain("| 0.400 |");
  });

  test("is not spoken of where there is none", async () => {
    const report = (await buildReport(fileOf([row({ metrics: above })]))).get("report.md")!;
    expect(report).not.toContain("Below the mean predictor");
    expect((await buildReport(experimentSweep())).get("report.md")).not.toContain("Below the mean predictor");
  });
});

describe("configuration and data", () => {
  test("say the SAEs' own configuration and origin where these are known", async () => {
    const config = { learning_rate: 1e-3, select: "value", decoder_bias: true };
    const rows = [
      row({ config, origin: { model: "gpt2-small", hook_name: "blocks.8.hook_resid_pre", layer: 8 } }),
      row({ k: 8, config: { ...config, learning_rate: 3e-4 } }),
      row({ k: 16 }),
    ];
    const report = (await buildReport(fileOf(rows))).get("report.md")!;
    expect(report).toContain("Training configuration of the SAEs; 1 of 3 do not state it");
    expect(report).toContain("| `learning_rate` | 0.0003 and 0.001 |");
    expect(report).toContain("| SAE | Model | Hook name | Layer |");
    expect(report).toContain("| sae_d64_k4_s0 | gpt2-small | blocks.8.hook_resid_pre | 8 |");
    expect((await buildReport(fileOf([row()]))).get("report.md")).not.toContain("Training configuration");
  });
});

test("a comparison pairs SAEs that agree in what varies", async () => {
  const rates = (ev: number) =>
    [1e-3, 3e-4].map((learning_rate) =>
      row({
        name: `lr${learning_rate}`,
        config: { learning_rate },
        metrics: { explained_variance: ev + learning_rate },
      }),
    );
  const compare = { name: "b.json", file: fileOf(rates(0.5)) };
  const report = (await buildReport(fileOf(rates(0.6)), { compare })).get("report.md")!;
  expect(report).toContain("(B), 2 configurations of equal latents and k");
  expect(report).toContain("| d=64, k=4, lr=0.001 | 0.601 | 0.501 | +0.100 |");
});
