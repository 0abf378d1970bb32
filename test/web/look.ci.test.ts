import axe from "axe-core";
import type { FileChooser, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { npy, sparseRows } from "../cli/run.ts";
import { noChromium, packagedFont } from "../report/chromium.ts";
import { differenceFrom } from "../report/screenshots.ts";
import { file, said } from "./page.ts";
import { siteInChromium } from "./staticSite.ts";

/** Largest share of differing pixels in any 24 by 24 square of a screenshot. */
const tolerance = 0.05;

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds wrong, a line each. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }).axe.run(),
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
}

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, selector: string, key = "Tab"): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press(key);
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
  }
  throw new Error(`40 times ${key} do not reach ${selector}`);
}

const rows = file("rows.npy", npy(sparseRows(600, 16)));
const labels = file(
  "rows.labels.jsonl",
  Array.from({ length: 600 }, (_, i) => `{"text":"text ${i % 7} of ${i}"}\n`).join(""),
);

describe.skipIf(noChromium)(`how the page looks and reads${noChromium && ` (skipped: ${noChromium})`}`, () => {
  const here = siteInChromium();

  async function opened(width: number, scheme: "light" | "dark" = "light"): Promise<Page> {
    const page = await here.context.newPage();
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(here.site.url);
    await page.locator("#panel h2").waitFor();
    await page.locator("#rows small b").first().waitFor({ state: "attached" });
    return page;
  }

  const looks = [1280, 768, 400].flatMap((width) => (["light", "dark"] as const).map((scheme) => ({ width, scheme })));
  test.each(looks)(
    "$width pixels, $scheme: the first screen as committed, and without findings",
    async ({ width, scheme }) => {
      const page = await opened(width, scheme);
      await page.addStyleTag({ content: packagedFont() });
      await page.evaluate(() =>
        Promise.all(["16px", "bold 16px"].map((size) => document.fonts.load(`${size} "Helvetica Neue"`))),
      );
      // Which processors there are is the machine's.
      await page.evaluate(() => {
        document.getElementById("where")!.textContent = "Computes on WebAssembly.";
      });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      const result = differenceFrom(`${width}-${scheme}`, await page.screenshot(), "test/golden/web/screenshots");
      expect(await findings(page)).toEqual([]);
      await page.close();
      if (!result) expect.fail("the screenshot was not committed; it has been written: look at it, then run again");
      expect(result.share, `${result.shown}; if meant, delete the committed one`).toBeLessThanOrEqual(tolerance);
    },
  );

  test("by the keyboard alone: opens files, trains, explores what was trained, evaluates it; without findings on the way", async () => {
    const page = await opened(1280);
    // Chromium, when it is busy, now and then opens no chooser for the first Enter.
    let chooser: FileChooser | undefined;
    for (let tries = 0; tries < 3 && !chooser; tries++) {
      await tabTo(page, "#open");
      const waiting = page.waitForEvent("filechooser", { timeout: 6000 }).catch(() => undefined);
      await page.keyboard.press("Enter");
      chooser = await waiting;
    }
    await chooser!.setFiles([rows, labels]);
    await said(page, "data", /^600 rows of 16.*with texts/);
    await tabTo(page, "#tab-explore");
    await page.keyboard.press("ArrowRight");
    await page.locator("#train-latents").waitFor();
    expect(await findings(page)).toEqual([]);
    for (const [id, value] of [
      ["train-latents", "32"],
      ["train-k", "4"],
      ["train-batch", "64"],
    ] as const) {
      await tabTo(page, `#${id}`);
      await page.keyboard.press("ControlOrMeta+a");
      await page.keyboard.type(value);
    }
    await page.keyboard.press("Enter");
    await said(page, "train", /^topk-relu_d32_k4 is done on rows\.npy/);
    expect(await findings(page)).toEqual([]);
    await tabTo(page, "#train-result a");
    await page.keyboard.press("Enter");
    await said(page, "explore", /^topk-relu_d32_k4 on rows\.npy/);
    await page
      .locator("#panel h2")
      .filter({ hasText: /^Latent/ })
      .waitFor();
    await tabTo(page, "#list", "Shift+Tab");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    const chosen = await page.locator('#rows a[aria-selected="true"] b').first().textContent();
    await page.keyboard.press("Enter");
    await page
      .locator("#panel h2")
      .filter({ hasText: `Latent ${chosen}` })
      .waitFor();
    expect(await findings(page)).toEqual([]);
    await tabTo(page, '[role="tab"][aria-selected="true"]', "Shift+Tab");
    await page.keyboard.press("End");
    await tabTo(page, "#evaluate-run");
    await page.keyboard.press("Enter");
    await said(page, "evaluate", /^1 measured on/);
    expect(await findings(page)).toEqual([]);
    await page.close();
  }, 120_000);

  test("at 200 % nothing is cut off, and nothing moves for those who ask for that", async () => {
    const page = await opened(640);
    await page.emulateMedia({ reducedMotion: "reduce", forcedColors: "active" });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(640);
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll("*")].filter((one) => getComputedStyle(one).transitionDuration !== "0s").length,
    );
    expect(moving).toBe(0);
    // With the reader's own colours a line under each token says how strong it is.
    const lines = await page.evaluate(
      () =>
        [...document.querySelectorAll("#panel .words span")].filter(
          (one) => Number.parseFloat(getComputedStyle(one).borderBottomWidth) > 0,
        ).length,
    );
    expect(lines).toBeGreaterThan(5);
    // Shades are taken away there, so the open tab has a ground of its own.
    const [highlight, open, other] = await page.evaluate(() => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.cssText = "forced-color-adjust: none; background: Highlight";
      return [probe, ...document.querySelectorAll('[role="tab"]')].map((one) => getComputedStyle(one).backgroundColor);
    });
    expect(open).toBe(highlight);
    expect(other).not.toBe(highlight);
    await page.close();
  });
});
