import { describe, expect, test } from "vitest";
import { buildReport } from "../../src/report/report.ts";
import { widest } from "../../src/report/textWidth.ts";
import { experimentGrid, experimentSweep, fileOf, row } from "./sample.ts";
import { type DrawnText, sizeOfSvg, textsOf } from "./svgTexts.ts";

/** Rows of every combination of sizes. */
const grid = (dims: readonly number[], ks: readonly number[], explained_variance = 0.5) =>
  dims.flatMap((latent_dim) =>
    ks.map((k) => row({ latent_dim, k, metrics: { explained_variance, mean_activation: 1234.5 } })),
  );

/** SAEs without k, of three coefficients and two selections. */
const options = [512, 1024].flatMap((latent_dim, i) =>
  [0.01, 0.03, 0.1].flatMap((lambda, j) =>
    ["magnitude", "value"].map((select) => {
      const metrics = { explained_variance: 0.9 - j / 10 + i / 50, l0_mean: 60 / (1 + j) + i, mean_activation: 1234.5 };
      const config = { lambda, select, learning_rate: 1e-3 };
      return row({ name: `${latent_dim}${lambda}${select}`, latent_dim, k: null, config, metrics });
    }),
  ),
);

const files = {
  "the experiment": experimentGrid(),
  "the sweep": experimentSweep(),
  "1 x 1": fileOf(grid([512], [5])),
  "3 x 7, all values equal": fileOf(grid([512, 1024, 2048], [1, 2, 5, 10, 20, 50, 100])),
  "16 x 2, large": fileOf(
    grid(
      Array.from({ length: 16 }, (_, i) => 4096 + 4096 * i),
      [32, 64],
    ),
  ),
  "without k, two selections": fileOf(options),
  "imported, told apart by their hooks": fileOf(
    [8, 9].map((layer) => {
      const origin = { model: "gpt2-small", hook: `blocks.${layer}.hook_resid_pre` };
      const metrics = { explained_variance: layer / 10, l0_mean: 10 * layer };
      return row({
        name: `h${layer}`,
        k: null,
        latent_dim: 24576,
        architecture: "pretrained-jumprelu",
        origin,
        metrics,
      });
    }),
  ),
  "2 x 2": fileOf(grid([128, 256], [8, 16])),
  "three architectures": fileOf(
    ["topk", "jumprelu", "matching-pursuit"].flatMap((architecture, i) =>
      [512, 1024, 2048, 4096].map((latent_dim, j) => {
        const values = {
          l0_mean: 20 + 9 * i + j,
          explained_variance: 0.5 + j / 10,
          explained_variance_centered: 0.1 + j / 10,
        };
        return row({ name: `${architecture}${latent_dim}`, architecture, latent_dim, k: null, metrics: values });
      }),
    ),
  ),
  "three layers": fileOf(
    [3, 10, 14].flatMap((layer) =>
      experimentGrid().rows.map((one) => ({ ...one, layer, name: `l${layer}${one.name}` })),
    ),
  ),
};

describe.each(Object.entries(files))("%s", async (_, file) => {
  const page = (await buildReport(file)).get("index.html")!;
  const drawings = [...page.matchAll(/<div class="drawing (wide|narrow)">(<svg.*?<\/svg>)/gs)];

  test("has a drawing for either width", () => {
    expect(drawings.length).toBeGreaterThan(1);
  });

  test.each(drawings.map(([, width, svg]) => [width!, titleOf(svg!), svg!] as const))(
    "%s %s: no text is cut off and none covers another",
    (_, __, svg) => {
      const { width, height } = sizeOfSvg(svg);
      const texts = textsOf(svg);
      expect(texts.length).toBeGreaterThan(3);
      for (const { text, left, right, top, bottom } of texts)
        expect({ text, inside: left >= 0 && right <= width && top >= 0 && bottom <= height }).toEqual({
          text,
          inside: true,
        });
      expect(coverings(texts)).toEqual([]);
    },
  );

  test("bold titles have room in the widest font too", () => {
    for (const [, , svg] of drawings)
      for (const { text, left, right, isBold } of textsOf(svg!))
        if (isBold)
          expect({ text, inside: left + widest * (right - left) <= sizeOfSvg(svg!).width }).toEqual({
            text,
            inside: true,
          });
  });

  test("fits a telephone where its cells can", () => {
    for (const [, kind, svg] of drawings)
      if (kind === "narrow" && !file.rows.some(({ k }) => k === 1 || k === 50))
        expect(sizeOfSvg(svg!).width).toBeLessThanOrEqual(376);
  });
});

const titleOf = (svg: string) => /class="mark-text role-title-text".*?>([^<>]+)</s.exec(svg)?.[1] ?? "";

/** Pairs of texts that share more than two pixels in either direction. */
function coverings(texts: readonly DrawnText[]): string[] {
  return texts.flatMap((a, index) =>
    texts
      .slice(index + 1)
      .filter(
        (b) =>
          Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2,
      )
      .map((b) => `${a.text} / ${b.text}`),
  );
}
