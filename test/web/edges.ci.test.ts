import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { writeNpy } from "../../src/data/npy.ts";
import { zeros } from "../../src/util/tensor.ts";
import { npy, sparseRows } from "../cli/run.ts";
import { noChromium } from "../report/chromium.ts";
import { file, fill, give, openPage, recognised, said } from "./page.ts";
import { siteInChromium } from "./staticSite.ts";

const rows = file("rows.npy", npy(sparseRows(600, 16)));
const folder = "test/fixtures/features";
const names: readonly string[] = JSON.parse(readFileSync(`${folder}/tokens.json`, "utf8"));
const tokenizer = (tokens: readonly string[]) =>
  file(
    "tokenizer.json",
    JSON.stringify({
      ...{ added_tokens: [], normalizer: null, post_processor: null, decoder: null },
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: { type: "BPE", vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [] },
    }),
  );

describe.skipIf(noChromium)(`the page where things go wrong${noChromium && ` (skipped: ${noChromium})`}`, () => {
  const here = siteInChromium();

  /** The page with some rows and its training form, for a training that would take minutes. */
  async function readyToTrain(page: Page, latents: number): Promise<void> {
    await give(page, rows);
    await said(page, "data", /^600 rows of 16/);
    await page.click("#tab-train");
    await fill(page, { latents, k: 4, epochs: 30_000 });
  }

  test("tells how much of the data and of ONNX Runtime's file is there, while they come", async () => {
    const page = await here.context.newPage();
    await page.addInitScript(() => {
      const told: string[] = [];
      Object.assign(globalThis, { told });
      new MutationObserver(() => told.push(document.getElementById("engine-said")?.textContent ?? "")).observe(
        document,
        { childList: true, subtree: true },
      );
    });
    const bytes = Buffer.from(npy(sparseRows(400_000, 4)));
    const slow = createServer(async (_, response) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.setHeader("Content-Length", bytes.length);
      response.write(bytes.subarray(0, 2_000_000));
      await setTimeout(200);
      response.end(bytes.subarray(2_000_000));
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/served.npy`;
    await page.route("**/catalog.json", (route) =>
      route.fulfill({ json: { data: [{ name: "served.npy", url }], models: [] } }),
    );
    await page.goto(here.site.url);
    await page.locator("#panel h2").waitFor();
    await page.click("#tab-train");
    const told = () => page.evaluate(() => (globalThis as unknown as { told: string[] }).told.join("\n"));
    await said(page, "data", /^400,000 rows/);
    expect(await told()).toMatch(/loading served\.npy: [\d.]+ .B of 6\.40 MB/);
    await fill(page, { latents: 8, k: 2, epochs: 1, batch: 8192 });
    await page.click("#train-start");
    await expect.poll(told, { timeout: 20_000 }).toMatch(/loading ONNX Runtime: [\d.]+ .B of 1\d\.\d MB/);
    slow.close();
    await page.close();
  });

  test("an unembedding says which tokens a latent promotes; one of another width or of other tokens is refused beside it", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await give(page, `${folder}/rows.npy`, `${folder}/rows.labels.jsonl`, `${folder}/both-signs.onnx`);
    await said(page, "explore", /^both-signs on rows\.npy/);
    await page.locator("#panel").filter({ hasText: "Open the unembedding of the language model" }).waitFor();
    await give(page, file("lm_head.npy", writeNpy(zeros("float32", [14, 7]))));
    expect(await recognised(page, "lm_head.npy")).toContain("an unembedding: 14 tokens, 7 wide");
    await said(
      page,
      "unembedding",
      /^lm_head\.npy: an unembedding \[14, 7\], the decoder of both-signs\.onnx is 6 wide/,
    );
    await give(page, `${folder}/unembedding.npy`);
    await give(page, tokenizer([...names, "more"]));
    await said(page, "unembedding", /^tokenizer\.json: 15 tokens, the unembedding unembedding\.npy has 14 rows/);
    await give(page, tokenizer(names));
    await said(page, "unembedding", /^The panel of each latent of both-signs now says/);
    const latent = Number(/\d+$/.exec(page.url())?.[0] ?? (await page.locator("#panel h2").textContent())!.slice(7));
    const { promoted, suppressed } = JSON.parse(readFileSync(`${folder}/witness.json`, "utf8")).features[latent];
    const wanted = [...promoted, ...suppressed].map(([token]: [number]) => names[token]!.trim());
    const listed = page.locator("#panel h3:has-text('Tokens it'):not(:has-text('specific')) + .links .token");
    await expect.poll(() => listed.count()).toBe(20);
    expect((await listed.allTextContents()).map((one) => one.trim())).toEqual(wanted);
    await page.close();
  });

  test("storage that is full is said once, and the training goes on; a second Stop ends it at once", async () => {
    const page = await here.context.newPage();
    await page.addInitScript(() => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("the quota has been exceeded", "QuotaExceededError");
      };
    });
    await page.goto(here.site.url);
    await readyToTrain(page, 64);
    await page.click("#train-start");
    await page
      .locator("#kept")
      .filter({ hasText: "the browser keeps nothing of this (the quota has been exceeded); download the checkpoint" })
      .waitFor();
    await said(page, "train", /^epoch \d+ of 30000/);
    const asked = Date.now();
    await page.evaluate(() => {
      const stop = document.getElementById("train-stop")!;
      stop.click();
      stop.click();
    });
    await said(page, "train", /^stopped after \d+ of 30000/);
    expect(Date.now() - asked).toBeLessThan(4000);
    await page.locator('#train-result a:text-is("Look into topk-relu_d64_k4")').waitFor();
    await page.close();
  });

  test("one Stop acts within 2 seconds; another tab is told that a training is in this one, and is offered it once it is stopped", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await readyToTrain(page, 32);
    await page.click("#train-start");
    await said(page, "train", /^epoch \d+ of 30000/);
    const { page: other } = await openPage(here.context, here.site.url);
    await readyToTrain(other, 32);
    expect(await other.locator("#kept p").count()).toBe(0);
    await other.click("#train-start");
    await said(other, "train", /^topk-relu_d32_k4 is being trained in another tab; go on there, or close it/);
    // Until the checkpoint of the first is on the disk.
    await page.waitForTimeout(4500);
    // A tab behind another draws once a second, and a click waits for two drawings.
    await page.bringToFront();
    const asked = Date.now();
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 30000/);
    expect(Date.now() - asked).toBeLessThan(2000);
    await other.reload();
    await other.locator("#kept").filter({ hasText: "A training of topk-relu_d32_k4 on rows.npy was left" }).waitFor();
    await other.click('#kept button:text-is("Forget it")');
    await Promise.all([page.close(), other.close()]);
  });

  test("a click on a row counts, though its words come in between the press and the release", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await page.evaluate(() => {
      const post = Worker.prototype.postMessage;
      const held: (() => void)[] = [];
      Worker.prototype.postMessage = function (this: Worker, message: { call?: string }) {
        if (message.call === "snippets") held.push(() => post.call(this, message));
        else post.call(this, message);
      } as typeof post;
      const release = () => {
        Worker.prototype.postMessage = post;
        for (const one of held) one();
      };
      Object.assign(globalThis, { held, release });
    });
    // A row whose words are not known yet.
    await page.locator("#list").evaluate((list) => Object.assign(list, { scrollTop: 3000 }));
    const row = page.locator('#rows a[aria-posinset="70"]').filter({ hasText: "…" });
    await row.waitFor();
    const address = (await row.getAttribute("href"))!;
    // Over its words, which are its second line.
    await row.hover({ position: { x: 40, y: 34 } });
    await page.mouse.down();
    await page.evaluate(() => (globalThis as unknown as { release(): void }).release());
    await page.locator(`#rows a[href="${address}"] small`).filter({ hasText: /\w/ }).waitFor();
    await page.mouse.up();
    await page
      .locator("#panel h2")
      .filter({ hasText: `Latent ${address.split("/").at(-1)}` })
      .waitFor();
    await page.close();
  });

  test("a worker that says nothing any more is named after a while; ended, the page goes on with a new one", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await page.evaluate(() => {
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (this: Worker, message: { call?: string }) {
        if (message.call === "latent") Object.assign(globalThis, { lost: true });
        else post.call(this, message);
      } as typeof post;
      Object.assign(globalThis, { mend: () => Object.assign(Worker.prototype, { postMessage: post }) });
    });
    await page.locator("#rows a").nth(3).click();
    // The clock goes on once the page waits for a word.
    await page.waitForFunction(() => "lost" in globalThis);
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 26_000;
    });
    await page
      .locator("#engine-watch")
      .filter({ hasText: /No word from the worker for 2\d s: one long computation, or it is gone/ })
      .waitFor();
    await page.evaluate(() => (globalThis as unknown as { mend(): void }).mend());
    await page.click('#engine-watch button:text-is("End it")');
    await page.locator("#engine-watch").waitFor({ state: "hidden" });
    // The list is drawn anew with the new worker: a row may move between two looks at it.
    const address = (await page.locator("#rows a").nth(5).getAttribute("href"))!;
    await page.evaluate((to) => Object.assign(location, { hash: to }), address);
    await page
      .locator("#panel h2")
      .filter({ hasText: `Latent ${address.split("/").at(-1)}` })
      .waitFor();
    await page.close();
  });
});
