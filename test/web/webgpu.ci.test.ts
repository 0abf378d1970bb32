import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { beforeAll, describe, expect, type TestContext, test } from "vitest";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "../cli/run.ts";
import { noChromium, startChromium, swiftShader } from "../report/chromium.ts";
import { choose, evaluateInTab, fill, give, openPage, said, serve } from "./page.ts";

const folder = temporaryFolder();
const data = join(folder, "rows.npy");

/** Node's row of the SAE that the page is to train. */
function inNode(epochs: number, out = temporaryFolder()): { readonly loss: readonly number[]; [key: string]: unknown } {
  const config = { "latent-dim": 64, k: 4, epochs, step: "dense", "batch-size": 64 };
  const flags = Object.entries(config).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return JSON.parse(saeOnnx("train", "--data", data, ...flags, "--out", out, "--json", "--quiet").stdout).rows[0];
}

const trained = async (page: Page) =>
  JSON.parse((await page.locator("#train-result").getAttribute("data-row"))!) as { loss: number[] };

/** The page in a Chromium of its own, with the rows chosen: one whose graphics process ended often gives no adapter any more. */
async function onWebGpu(
  skip: TestContext["skip"],
  work: (page: Page, lose: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const [context, served] = await Promise.all([startChromium(swiftShader), serve(folder)]);
  try {
    const { page } = await openPage(context, served.url);
    const where = (await page.locator("#where").textContent())!;
    if (!where.startsWith("Computes on WebGPU")) skip(`no WebGPU here: ${where}`);
    await give(page, data);
    await said(page, "data", /^256 rows/);
    // The graphics device is lost: Chromium's process for it ends.
    const devtools: CDPSession = await context.newCDPSession(page);
    await work(page, () => devtools.send("Browser.crashGpuProcess"));
  } finally {
    await context.close();
    served.process.kill();
  }
}

describe.skipIf(noChromium)(`the page on WebGPU by SwiftShader${noChromium && ` (skipped: ${noChromium})`}`, () => {
  let node: ReturnType<typeof inNode>;
  beforeAll(() => {
    writeFileSync(data, npy(sparseRows(256, 32)));
    node = inNode(2, folder);
  });

  test(
    "measures as Node does, says that rows are too few to train on, and trains to Node's losses",
    ({ skip }) =>
      onWebGpu(skip, async (page) => {
        const [row] = await evaluateInTab(page);
        for (const [key, value] of Object.entries(row!.metrics)) {
          const wanted = node[key] as number;
          expect(Math.abs(value - wanted), `${key}: ${value}, Node ${wanted}`).toBeLessThanOrEqual(
            1e-5 * Math.max(1, Math.abs(wanted)),
          );
        }
        expect(Object.keys(row!.metrics).length).toBeGreaterThan(10);
        await page.click("#tab-train");
        await choose(page, "topk", "report");
        await fill(page, { latents: 64, k: 4, epochs: 2 });
        // The page's batches are of 256 rows: more than these train on.
        await page.click("#train-start");
        expect(await said(page, "train", /:|rows/)).toMatch(/fewer than one batch of 256/);
        await fill(page, { batch: 64 });
        await page.click("#train-start");
        expect(await said(page, "train", /is done on|:/)).toMatch(/is done on rows\.npy/);
        const { loss } = await trained(page);
        expect(loss).toHaveLength(2);
        for (const [i, wanted] of node.loss.entries()) expect(loss[i]! / wanted).toBeCloseTo(1, 4);
      }),
    120_000,
  );

  test(
    "a training whose device is lost goes on from its last epoch on WebAssembly, and says so",
    ({ skip }) =>
      onWebGpu(skip, async (page, lose) => {
        await page.click("#tab-train");
        await choose(page, "topk", "report");
        await fill(page, { latents: 64, k: 4, epochs: 200, batch: 64 });
        await page.click("#train-start");
        await said(page, "train", /^epoch [1-9]\d* of/);
        await lose();
        const words = await said(page, "train", /is done on/, 90);
        expect(words).toMatch(/fire in no row; on WebAssembly after epoch [1-9]\d*, as the graphics device was lost$/);
        // With no step back: every epoch's loss is near that of a training that nothing came between.
        const { loss } = await trained(page);
        expect(loss).toHaveLength(200);
        for (const [i, wanted] of inNode(200).loss.entries())
          expect(Math.abs(loss[i]! / wanted - 1), `epoch ${i}: ${loss[i]}, Node ${wanted}`).toBeLessThan(0.05);
        // A start from the beginning would have told of more epochs than there are.
        const curve = (await page.locator("#train-live polyline").getAttribute("points"))!;
        expect(curve.split(" ").length).toBeLessThanOrEqual(200);
        expect(await evaluateInTab(page)).toHaveLength(2);
      }),
    180_000,
  );

  test(
    "where WebGPU alone was asked for, it ends there, and can be resumed elsewhere",
    ({ skip }) =>
      onWebGpu(skip, async (page, lose) => {
        await page.click(".engine summary");
        await page.selectOption("#provider", "webgpu");
        await page.click("#tab-train");
        await choose(page, "topk", "report");
        await fill(page, { latents: 64, k: 4, epochs: 40, batch: 64 });
        await page.click("#train-start");
        await said(page, "train", /^epoch [1-9]\d* of/);
        await lose();
        expect(await said(page, "train", /lost/)).toMatch(
          /^the graphics device was lost; try again, or choose WebAssembly .*; Resume goes on after epoch [1-9]\d*$/,
        );
        await page.selectOption("#provider", "wasm");
        await page.click("#train-resume");
        await said(page, "train", /is done on rows/);
        expect((await trained(page)).loss).toHaveLength(40);
      }),
    120_000,
  );

  test(
    "Explore and Evaluate go on after the device was lost, or say so and go on when they are asked again",
    ({ skip }) =>
      onWebGpu(skip, async (page, lose) => {
        await page.click("#tab-explore");
        await page.selectOption("#model", "sae_d64_k4.autoencoder.onnx");
        await said(page, "explore", /of 64 latents fire/);
        await lose();
        await page.fill("#read", Array(32).fill(0.1).join());
        await page.press("#read", "Enter");
        // A session opened after the loss has a new device, or is told of the old one: then it is asked for again.
        const shown = page.locator("#panel h2").filter({ hasText: "The row given" });
        await shown
          .or(page.locator("#read-said").filter({ hasText: /\S/ }))
          .first()
          .waitFor();
        if (!(await shown.isVisible())) {
          expect(await page.locator("#read-said").textContent()).toMatch(/^the graphics device was lost; try again/);
          await page.press("#read", "Enter");
          await shown.waitFor();
        }
        expect(await evaluateInTab(page)).toHaveLength(1);
      }),
    120_000,
  );
});
