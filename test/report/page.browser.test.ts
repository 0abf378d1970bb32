import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetricsFile } from "../../src/record/record.ts";
import { buildReport } from "../../src/report/report.ts";
import { type Look, noChromium, open, startChromium } from "./chromium.ts";
import { pageFaults } from "./pageFaults.ts";
import { experimentGrid, experimentSweep, fileOf, row } from "./sample.ts";
import { differenceFrom } from "./screenshots.ts";

/** Largest share of differing pixels in any 24 by 24 square of a screenshot. */
const tolerance = 0.05;

const looks: readonly Look[] = [1280, 400].flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, scheme })),
);

const pageOf = async (file: MetricsFile, options: Parameters<typeof buildReport>[1] = {}): Promise<string> =>
  (await buildReport(file, options)).get("index.html")!;

/** Two layers, two seeds, synthetic, with latents and a comparison: every section there is. */
function everything(): Promise<string> {
  const curve = Array.from({ length: 64 }, (_, i) => (i < 40 ? 0.9 / (i + 1) : 0));
  const latents = { frequency: curve, mean_activation: curve, max_activation: curve.map((value) => 2 * value) };
  const rows = [3, 14].flatMap((layer) =>
    [0, 1].flatMap((seed) =>
      experimentGrid().rows.map((one, index) => {
        const recovery = { recovered_features: index, mean_max_cosine: 0.3 + index / 20 };
        const explained_variance = one.metrics.explained_variance! - 0.01 * seed;
        const metrics = { ...one.metrics, explained_variance, ...recovery };
        return row({ ...one, name: `l${layer}_${index}_s${seed}`, layer, seed, metrics, loss: [0.5, 0.2, 0.1] });
      }),
    ),
  );
  const compare = { name: "the original experiment", file: experimentGrid() };
  const byName = Object.fromEntries(rows.map(({ name }) => [name, latents]));
  return pageOf(fileOf(rows, { synthetic: true }), { latents: byName, compare });
}

describe.skipIf(noChromium)(`the page in Chromium${noChromium && ` (skipped: ${noChromium})`}`, () => {
  let context: BrowserContext;
  let grid: string;
  beforeAll(async () => {
    [context, grid] = await Promise.all([startChromium(), pageOf(experimentGrid())]);
  });
  afterAll(() => context?.close());

  test.each(looks)("$width pixels, $scheme: as committed, nothing cut off, covered or faint", async (look) => {
    const { page, requests } = await open(context, grid, look);
    expect(requests).toEqual([]);
    expect(await page.evaluate(pageFaults)).toEqual([]);
    // From the table of all rows on there are words and numbers only.
    const height = await page.evaluate(() => document.getElementById("all-rows")!.getBoundingClientRect().top);
    const clip = { x: 0, y: 0, width: look.width, height: Math.floor(height) };
    const result = differenceFrom(`${look.width}-${look.scheme}`, await page.screenshot({ clip, fullPage: true }));
    await page.close();
    if (!result) expect.fail("the screenshot was not committed; it has been written: look at it, then run again");
    expect(result.share, `${result.shown}; if meant, delete the committed one`).toBeLessThanOrEqual(tolerance);
  });

  test.each([
    ["every section", everything],
    ["the sweep", () => pageOf(experimentSweep())],
  ])("%s: nothing cut off, covered or faint; under 3 MB, drawn in under a second", async (_, make) => {
    const html = await make();
    expect(Buffer.byteLength(html)).toBeLessThan(3e6);
    const times: number[] = [];
    for (const look of [looks[0]!, looks[3]!]) {
      const { page, requests, drawn } = await open(context, html, look);
      times.push(drawn);
      expect(requests).toEqual([]);
      expect(await page.evaluate(pageFaults), JSON.stringify(look)).toEqual([]);
      await page.close();
    }
    // The faster of the two: other work on the machine is not the page's.
    expect(Math.min(...times)).toBeLessThan(1000);
  });

  test("a mark under the pointer tells its value, inside the window", async () => {
    const { page } = await open(context, grid, { width: 400, scheme: "light" });
    const mark = page.locator("#heatmap_explained_variance .narrow [aria-label^='d=2048, k=100']");
    await mark.scrollIntoViewIfNeeded();
    // Scrolling hides the tip, a frame later.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await mark.hover();
    const tip = page.locator("#tip");
    expect(await tip.textContent()).toBe("d=2048, k=100: Explained variance 0.879");
    const box = (await tip.boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(400);
    await page.close();
  });
});
