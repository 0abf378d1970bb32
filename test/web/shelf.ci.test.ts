/** @file What is open above the tabs, and what becomes of them when other files take a name or come later. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { sample } from "../checkpoint/sample.ts";
import { npy, sparseRows } from "../cli/run.ts";
import { byteTokenizer, forms } from "../harvest/forms.ts";
import { noChromium } from "../report/chromium.ts";
import { cases } from "../sae/cases.ts";
import { evaluateInTab, file, give, type NamedFile, openPage, recognised, said } from "./page.ts";
import { siteInChromium } from "./staticSite.ts";

const rows = (name: string, count: number, seed = 1) => file(name, npy(sparseRows(count, 16, seed)));
const labels = (name: string, count: number) =>
  file(name, Array.from({ length: count }, (_, row) => `${JSON.stringify({ text: `river ${row}` })}\n`).join(""));

describe.skipIf(noChromium)(`the files that are open${noChromium && ` (skipped: ${noChromium})`}`, () => {
  const here = siteInChromium();
  /** Files of two SAEs, by part. */
  const saes: Record<string, Uint8Array>[] = [];
  const sae = (part: string, seed = 0): NamedFile => file(`x.${part}.onnx`, saes[seed]![part]!);
  beforeAll(async () => {
    for (const seed of [0, 1]) {
      const checkpoint = await sample(cases[0]!, 3, { seed });
      const parts = ["autoencoder", "encoder", "evaluator"] as const;
      saes.push(Object.fromEntries(parts.map((part) => [part, encodeModel(freeze(checkpoint, part))])));
    }
  });

  const stale = (page: Page, why: string) => page.locator("#evaluate-stale:visible").filter({ hasText: why }).waitFor();
  const tableRow = (page: Page) => page.locator("#evaluate-result tbody tr").first().textContent();

  test("activations, labels and an SAE of the same names are other ones: Explore shows them, Evaluate says that it is of the earlier", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await give(page, rows("acts.npy", 300));
    await said(page, "data", /^300 rows of 16/);
    expect(await recognised(page, "acts.npy")).toContain(
      "to explore them open or choose an SAE of such activations, or train one",
    );
    await give(page, sae("autoencoder"));
    await said(page, "explore", /^x on acts\.npy: .* fire in 300 rows/);
    // What is said of the activations stays, whatever else is opened.
    await said(page, "data", /^300 rows of 16, 240 train, 60 validate$/);
    await evaluateInTab(page);
    const figures = await tableRow(page);

    await page.click("#tab-explore");
    await give(page, labels("acts.labels.jsonl", 300));
    await said(page, "data", /^300 rows of 16.*, with texts$/);
    await page
      .locator("#panel")
      .filter({ hasText: /river \d/ })
      .waitFor();
    await page.fill("#words", "river");
    await page.locator("#count").filter({ hasText: "river”, the most specific first" }).waitFor();
    // Labels change no figure.
    expect(await page.locator("#evaluate-stale").getAttribute("hidden")).not.toBeNull();

    await give(page, rows("acts.npy", 200, 2), labels("acts.labels.jsonl", 200));
    await said(page, "explore", /^x on acts\.npy: .* fire in 200 rows/);
    await page.click("#tab-evaluate");
    await stale(page, "measured on an earlier acts.npy");
    await page.click("#evaluate-stale button");
    await page.locator("#evaluate-stale").waitFor({ state: "hidden" });
    await said(page, "evaluate", /measured on/);
    expect(await tableRow(page)).not.toBe(figures);

    await give(page, sae("autoencoder", 1));
    await said(page, "explore", /^x on acts\.npy: .* fire in 200 rows/);
    await page.click("#tab-evaluate");
    await stale(page, "measured of earlier SAEs of these names");
    await page.close();
  });

  test("files of one SAE are told apart in lists, addresses and the table, which is of all that were measured", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await give(page, rows("acts.npy", 100), sae("encoder"));
    await said(page, "explore", /^x on acts\.npy/);
    await give(page, sae("autoencoder"), sae("evaluator"));
    await recognised(page, "x.evaluator.onnx");
    await page.waitForFunction(
      () => (document.getElementById("model") as HTMLSelectElement).value === "x.autoencoder.onnx",
    );
    const names = ["demo", "x.encoder", "x", "x.evaluator"];
    expect(await page.locator("#model option").allTextContents()).toEqual(names);
    await page.selectOption("#model", "x.encoder.onnx");
    await said(page, "explore", /^x\.encoder on acts\.npy/);
    expect(await page.evaluate(() => location.hash)).toBe("#x.encoder");
    expect(await page.locator("#rows a").first().getAttribute("href")).toMatch(/^#x\.encoder\/latent\/\d+$/);
    // The shortest name is of the one that most can be done with.
    await page.goto(`${here.site.url}#x/latent/1`);
    await said(page, "explore", /^x on acts\.npy/);
    const measured = await evaluateInTab(page);
    expect(measured.map(({ name }) => name)).toEqual(["x", "x.evaluator"]);
    expect(await page.locator("#evaluate-stale").isVisible()).toBe(false);
    expect(await page.locator("#evaluate-models label").allTextContents()).toEqual([
      " x.encoder (an encoder alone; its autoencoder can be measured)",
      " x",
      " x.evaluator",
    ]);
    await page.close();
  });

  test("labels that do not fit leave the activations usable, and say what to do", async () => {
    const { page } = await openPage(here.context, here.site.url);
    await give(page, rows("other.npy", 40), labels("short.labels.jsonl", 3), sae("autoencoder"));
    await said(
      page,
      "data",
      /^40 rows of 16, 32 train, 8 validate, without texts\. short\.labels\.jsonl: 3 labels for 40 rows of activations; write one line a row and open it as other\.labels\.jsonl$/,
    );
    await said(page, "explore", /^x on other\.npy: .* fire in 40 rows/);
    expect(await evaluateInTab(page)).toHaveLength(1);
    await give(page, labels("other.labels.jsonl", 40));
    await said(page, "data", /^40 rows of 16, 32 train, 8 validate, with texts$/);
    await page.close();
  });

  test("a language model asks for a tokenizer only where none is open; the demonstration comes only where it is shown", async () => {
    const page = await here.context.newPage();
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(`${here.site.url}#train`);
    await page.locator("#train-architecture").waitFor();
    expect(requests.filter((url) => url.endsWith("/demo.safetensors"))).toEqual([]);
    const model = file("lm.onnx", forms["4 bits (MatMulNBits)"]!.bytes);
    await give(page, file("tokenizer.json", byteTokenizer), model);
    expect(await recognised(page, "lm.onnx")).toBe("lm.onnx a language model");
    await give(page, model);
    expect(await recognised(page, "lm.onnx")).toBe("lm.onnx a language model");
    await page.close();
  });
});
