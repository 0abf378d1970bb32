import { describe, expect, test } from "vitest";
import { npy, sparseRows } from "../cli/run.ts";
import { noChromium } from "../report/chromium.ts";
import { file, fill, give, openPage, said } from "./page.ts";
import { siteInChromium } from "./staticSite.ts";

describe.skipIf(noChromium)(`a training that was stopped${noChromium && ` (skipped: ${noChromium})`}`, () => {
  const here = siteInChromium();

  test("goes on with the activations it began with, and no others; the form shows what it is", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await give(page, file("rows.npy", npy(sparseRows(600, 16))));
    await said(page, "data", /^600 rows of 16/);
    await page.click("#tab-train");
    await fill(page, { latents: 48, k: 3, epochs: 30_000, batch: 128 });
    await page.click("#train-start");
    await said(page, "train", /^epoch \d+ of 30000/);
    await page.waitForTimeout(4500);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 30000/);

    await give(page, file("others.npy", npy(sparseRows(700, 16))));
    await said(page, "data", /^700 rows of 16/);
    await page.click("#train-resume");
    await said(
      page,
      "train",
      /^topk-relu_d48_k3 was trained on other activations or another split so far; choose those/,
    );
    await page.selectOption("#data", "rows.npy");
    await page.click("#train-resume");
    await said(page, "train", /^epoch \d+ of 30000/);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 30000/);

    await page.reload();
    await page.click('#kept button:text-is("Go on")');
    await said(page, "train", /^epoch \d+ of 30000/);
    const written = async (id: string) => page.inputValue(`#train-${id}`);
    expect(await Promise.all(["architecture", "latents", "k", "epochs", "batch"].map(written))).toEqual([
      ...["topk-relu", "48", "3", "30000", "128"],
    ]);
    expect(await page.locator("#kept p").count()).toBe(0);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 30000/);
    await page.close();
  });
});
