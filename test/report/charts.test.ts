import { describe, expect, test } from "vitest";
import { metricKeys } from "../../src/metrics/index.ts";
import type { SaeRecord } from "../../src/record/record.ts";
import type { Chart, LatentStatistics } from "../../src/report/charts/chart.ts";
import { charts } from "../../src/report/charts/index.ts";
import { configurations, dataGroup, meanOf } from "../../src/report/configurations.ts";
import { paretoSet, parseObjectives } from "../../src/report/pareto.ts";
import { renderSvg } from "../../src/report/render.ts";
import { defaultObjectives } from "../../src/report/sparsity.ts";
import { experimentGrid, experimentSweep, row } from "./sample.ts";

const all: readonly Chart[] = Object.values<Chart>(charts);

function specOf(chart: Chart, rows: readonly SaeRecord[], width = 860, latents: Record<string, LatentStatistics> = {}) {
  const grouped = configurations(rows);
  const rule = { objectives: parseObjectives(defaultObjectives(grouped)), dominance: "standard" } as const;
  return chart.spec(grouped, { width, latents, pareto: paretoSet(grouped, rule, meanOf, dataGroup) });
}

/** Rows of every combination, their values a plain function of their place. */
function grid(dims: readonly number[], ks: readonly number[], fields: Partial<SaeRecord> = {}): SaeRecord[] {
  return dims.flatMap((latent_dim, i) =>
    ks.map((k, j) => {
      const explained_variance = (i + j + 1) / (dims.length + ks.length);
      // Every metric there is, so that a new chart has what it shows.
      const any = Object.fromEntries(Object.keys(metricKeys).map((key) => [key, explained_variance]));
      const metrics = {
        ...any,
        l0_mean: k,
        reconstruction_loss: 1 - explained_variance,
        feature_death_rate: explained_variance / 2,
        mean_activation: 100 * explained_variance,
        max_activation: 1000 * explained_variance,
        mean_max_cosine: explained_variance,
      };
      return row({ latent_dim, k, metrics, ...fields });
    }),
  );
}

const tiny: LatentStatistics = {
  frequency: [0.5, 0.25, 0.001, 0],
  mean_activation: [2, 1, 0.5, 0],
  max_activation: [4, 2, 0.5, 0],
};
const small = grid([16, 32], [1, 2]);
const smallLatents = Object.fromEntries(small.map(({ name }) => [name, tiny]));

describe("specifications", () => {
  test.each(all.filter((chart) => specOf(chart, experimentGrid().rows)))("$name of the experiment", async (chart) => {
    const spec = specOf(chart, experimentGrid().rows);
    await expect(`${JSON.stringify(spec, null, 1)}\n`).toMatchFileSnapshot(`../golden/report/${chart.name}.vl.json`);
  });

  test.each(all.filter((chart) => !specOf(chart, experimentGrid().rows)))("$name of other rows", async (chart) => {
    const rows = chart.name.startsWith("layers") ? experimentSweep().rows.filter(({ layer }) => layer! < 3) : small;
    const spec = specOf(chart, rows, 860, smallLatents);
    expect(spec).not.toBeNull();
    await expect(`${JSON.stringify(spec, null, 1)}\n`).toMatchFileSnapshot(`../golden/report/${chart.name}.vl.json`);
  });
});

const layers = Array.from({ length: 16 }, (_, layer) => layer);
const shapes: readonly (readonly [string, readonly SaeRecord[]])[] = [
  ["1 x 1", grid([512], [5])],
  ["3 x 7", grid([512, 1024, 2048], [1, 2, 5, 10, 20, 50, 100])],
  [
    "9 x 2",
    grid(
      [1, 2, 4, 8, 16, 32, 64, 128, 65536].map((dim) => dim * 4),
      [1, 2],
    ),
  ],
  [
    "2 positions x 16 layers",
    layers.flatMap((layer) => [0, 1].flatMap((position) => grid([64], [4, 8], { layer, position }))),
  ],
  ["3 seeds", [0, 1, 2].flatMap((seed) => grid([64, 128], [4, 8], { seed, name: `s${seed}` }))],
  ["no k", grid([64, 128], [4]).map((one) => ({ ...one, k: null, architecture: "relu" }))],
  ["nothing measured", [row({ metrics: {}, loss: [] })]],
  ["no row at all", []],
];

describe.each(shapes)("a grid of %s", (_, rows) => {
  test.each([350, 860])("renders at %i pixels without a warning of vega-lite", async (width) => {
    for (const chart of all) {
      const spec = specOf(chart, rows, width);
      if (spec) expect(await renderSvg(spec)).not.toMatch(/NaN|undefined|null/);
    }
  });
});

test("the sweep's maps have a panel for each size and k, a row a layer, a column a position", async () => {
  const svg = await renderSvg(specOf(charts.layers_explained_variance, experimentSweep().rows)!);
  expect(cellsOf(svg)).toHaveLength(5 * 16 * 6);
});

describe("heatmap cells", () => {
  const heatmaps = all.filter(({ name }) => name.startsWith("heatmap"));

  test.each(heatmaps)("$name: every label stands out from its cell, WCAG contrast above 4.5", async (chart) => {
    const rows = experimentGrid().rows.map((one, index) => ({
      ...one,
      metrics: { ...one.metrics, mean_max_cosine: index / 12 },
    }));
    const svg = await renderSvg(specOf(chart, rows)!);
    const cells = cellsOf(svg);
    expect(cells).toHaveLength(12);
    expect(cells.map(({ label }) => label)).toEqual(labelsOf(svg).map(({ text }) => text));
    labelsOf(svg).forEach(({ color }, index) => {
      expect(contrast(color, cells[index]!.fill)).toBeGreaterThan(4.5);
    });
  });

  test("show what was measured, rows by dictionary size and columns by k", async () => {
    const svg = await renderSvg(specOf(charts.heatmap_reconstruction_loss, experimentGrid().rows)!);
    expect(
      labelsOf(svg)
        .map(({ text }) => text)
        .slice(0, 4),
    ).toEqual(["0.1280", "0.1012", "0.0842", "0.0525"]);
  });

  test("a missing cell is drawn as a gap, and no value is made up for it", async () => {
    const rows = experimentGrid().rows.filter(({ latent_dim, k }) => latent_dim !== 1024 || k !== 20);
    const svg = await renderSvg(specOf(charts.heatmap_explained_variance, rows)!);
    expect(cellsOf(svg)).toHaveLength(11);
    expect(svg.match(/stroke-dasharray="3,3"/g)).toHaveLength(1);
    expect(svg).toContain("no such SAE in the files");
  });
});

test("the mean over seeds is drawn, its spread told", async () => {
  const seeds = [0.5, 0.6, 0.7].map((value, seed) =>
    row({ seed, name: `s${seed}`, metrics: { explained_variance: value } }),
  );
  const other = row({ k: 5, metrics: { explained_variance: 0.4 } });
  const svg = await renderSvg(specOf(charts.heatmap_explained_variance, [...seeds, other])!);
  expect(labelsOf(svg).map(({ text }) => text)).toEqual(["0.600", "0.400"]);
  expect(svg).toContain("mean of 3 seeds, standard deviation 0.1");
});

test("a loss that is not finite breaks its curve", async () => {
  const rows = [row({ loss: [1, Number.NaN, 0.5, 0.25] })];
  const spec = specOf(charts.loss_curves, rows) as unknown as { data: { values: { loss: number | null }[] } };
  expect(spec.data.values.map(({ loss }) => loss)).toEqual([1, null, 0.5, 0.25]);
});

test("a figure has the same bytes whatever was drawn before it", async () => {
  const draw = (chart: Chart) => renderSvg(specOf(chart, experimentGrid().rows)!);
  const alone = await draw(charts.heatmap_max_activation);
  const [, after] = await Promise.all([draw(charts.heatmap_mean_activation), draw(charts.heatmap_max_activation)]);

  expect(after).toBe(alone);
});

test("a specification vega-lite warns about is refused", async () => {
  const spec = { data: { values: [] }, mark: "bar", encoding: { shape: { field: "a", type: "nominal" } } };
  await expect(renderSvg(spec as never)).rejects.toThrow(/vega-lite says/);
});

function cellsOf(svg: string): { label: string; fill: string }[] {
  const cells = svg.matchAll(/<path aria-label="([^"]*)"[^>]*aria-roledescription="rect mark"[^>]*fill="(rgb[^"]*)"/g);
  return [...cells].map(([, tip, fill]) => ({ label: /(\S+)$/.exec(tip!)![1]!, fill: fill! }));
}

function labelsOf(svg: string): { text: string; color: string }[] {
  const marks = /<g class="mark-text role-mark (?:child_)?value_marks".*?<\/g>/s.exec(svg)?.[0] ?? "";
  return [...marks.matchAll(/fill="(black|white)">([^<]*)</g)].map(([, color, text]) => ({
    text: text!,
    color: color!,
  }));
}

/** WCAG 2 contrast ratio of black or white text on an `rgb(r, g, b)` ground. */
function contrast(text: string, ground: string): number {
  const [r, g, b] = [...ground.matchAll(/\d+/g)].map(([value]) => {
    const c = Number(value) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const other = text === "white" ? 1 : 0;
  return (Math.max(luminance, other) + 0.05) / (Math.min(luminance, other) + 0.05);
}
