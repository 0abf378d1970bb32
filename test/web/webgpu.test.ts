import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "../cli/run.ts";
import { noChromium, startChromium, swiftShader } from "../report/chromium.ts";
import { evaluateInTab, openPage, said, serve } from "./page.ts";

describe.skipIf(noChromium)(`the page on WebGPU by SwiftShader${noChromium && ` (skipped: ${noChromium})`}`, () => {
  test("measures as Node does, says that rows are too few to train on, and trains to Node's losses; goes on after the device was lost", async ({
    skip,
  }) => {
    const folder = temporaryFolder();
    const data = join(folder, "rows.npy");
    writeFileSync(data, npy(sparseRows(256, 32)));
    const flags = ["--data", data, "--latent-dim", "64", "--k", "4", "--epochs", "2", "--step", "dense"];
    const node = JSON.parse(
      saeOnnx("train", ...flags, "--batch-size", "64", "--out", folder, "--json", "--quiet").stdout,
    ).rows[0];
    const [context, served] = await Promise.all([startChromium(swiftShader), serve(folder)]);
    try {
      const { page } = await openPage(context, served.url);
      const where = (await page.locator("#where").textContent())!;
      if (!where.startsWith("Computes on WebGPU")) skip(`no WebGPU here: ${where}`);
      await page.setInputFiles("#data-file", data);
      await said(page, "data", /^256 rows/);
      const [row] = await evaluateInTab(page);
      for (const [key, value] of Object.entries(row!.metrics))
        expect(Math.abs(value - node[key]), `${key}: ${value}, Node ${node[key]}`).toBeLessThanOrEqual(
          1e-5 * Math.max(1, Math.abs(node[key])),
        );
      expect(Object.keys(row!.metrics).length).toBeGreaterThan(10);
      await page.click("#tab-train");
      for (const [id, value] of Object.entries({ latents: "64", k: "4", epochs: "2" }))
        await page.fill(`#train-${id}`, value);
      // The page's batches are of 256 rows: more than these train on.
      await page.click("#train-start");
      expect(await said(page, "train", /:|rows/)).toMatch(/fewer than one batch of 256/);
      await page.fill("#train-batch", "64");
      await page.click("#train-start");
      expect(await said(page, "train", /^done on|:/)).toMatch(/^done on rows\.npy/);
      const trained = JSON.parse((await page.locator("#train-result").getAttribute("data-row"))!) as { loss: number[] };
      expect(trained.loss).toHaveLength(2);
      for (const [i, loss] of trained.loss.entries()) expect(loss / node.loss[i]).toBeCloseTo(1, 4);

      // The graphics device is lost in the middle of each tab's work: Chromium's process for it ends.
      const devtools = await context.newCDPSession(page);
      const lose = () => devtools.send("Browser.crashGpuProcess");
      await page.fill("#train-epochs", "500");
      await page.click("#train-start");
      await said(page, "train", /^epoch/);
      await lose();
      expect(await said(page, "train", /lost/)).toMatch(
        /^the graphics device was lost; try again, or choose WebAssembly/,
      );
      await page.click("#tab-explore");
      await page.click("#explore-open");
      await said(page, "explore", /of 64 latents fire/);
      await lose();
      await page.fill("#row-input", Array(32).fill(0.1).join());
      await page.press("#row-input", "Enter");
      expect(await said(page, "row", /lost/)).toMatch(/^the graphics device was lost; try again/);
      await page.press("#row-input", "Enter");
      await page.locator("#row-result h3").waitFor();
      await page.click("#tab-train");
      await page.fill("#train-epochs", "2");
      await page.click("#train-start");
      await said(page, "train", /^done on rows/);
      // The file's, and what the tab trained.
      expect(await evaluateInTab(page)).toHaveLength(2);
    } finally {
      await context.close();
      served.process.kill();
    }
  }, 180_000);
});
