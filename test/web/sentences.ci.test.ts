/** @file A person drops a 4-bit language model and its tokenizer onto the page, reads a sentence, and pushes a latent: what Node gives. */
import { describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { TextReader } from "../../src/worker/textReader.ts";
import { byteTokenizer, forms, smallSae } from "../harvest/forms.ts";
import { noChromium } from "../report/chromium.ts";
import { file, give, openPage, recognised, said } from "./page.ts";
import { siteInChromium } from "./staticSite.ts";

const model = { name: "lm_q4.onnx", bytes: forms["4 bits (MatMulNBits)"]!.bytes };
const tokenizer = { name: "tokenizer.json", bytes: byteTokenizer };
const sae = { name: "small.autoencoder.onnx", bytes: smallSae() };
const texts = ["a bad cab", "dad had a cab", "a bag"];

describe.skipIf(noChromium)(`sentences in the page${noChromium && ` (skipped: ${noChromium})`}`, () => {
  const here = siteInChromium();

  test("are read, and go on, with a latent pushed and without", async () => {
    const reader = TextReader.open(cpu, model, tokenizer);
    const acts = await reader.harvest("blocks.1", texts, () => {});
    const { page } = await openPage(here.context, here.site.url);
    await give(page, file("acts.safetensors", acts.file), file("acts.labels.jsonl", acts.labels));
    await give(page, file(sae.name, sae.bytes), file(model.name, model.bytes));
    expect(await recognised(page, model.name)).toContain("it needs its tokenizer.json");
    await give(page, file(tokenizer.name, tokenizer.bytes));
    await recognised(page, tokenizer.name);

    const { codes } = await reader.read(sae, "blocks.1", "a bad bag");
    const strongest = codes.active[codes.at]![0]!.latent;
    await page.goto(`${here.site.url}#small/latent/${strongest}`);
    const heading = page.locator("#panel h2").filter({ hasText: new RegExp(`^Latent ${strongest}\\b`) });
    await heading.waitFor();
    await page.fill("#push-text", "a bad");
    await page.fill("#push-strength", "6");
    /** Has the panel drawn anew. */
    const redraw = async () => {
      await heading.evaluate((old) => {
        old.setAttribute("data-old", "");
        dispatchEvent(new HashChangeEvent("hashchange"));
      });
      await page.locator("#panel h2:not([data-old])").waitFor();
    };
    // What was written stays, and below what came out.
    await redraw();
    expect(await page.inputValue("#push-text")).toBe("a bad");
    expect(await page.inputValue("#push-strength")).toBe("6");
    const amount = await page.locator("output[for=push-strength]").textContent();
    await page.getByRole("button", { name: "Push it" }).click();
    await said(page, "push", /^32 tokens, [\d.,]+ a second$/);
    await redraw();
    const strength = Number(/\((.*)\)/.exec(amount!)![1]);
    const words = async (push?: { latent: number; strength: number }) => {
      let whole = "";
      for await (whole of reader.generate(sae, "blocks.1", "a bad", 16, push));
      return `a bad${whole}`;
    };
    expect(await page.locator(".beside .words").allTextContents()).toEqual([
      await words(),
      await words({ latent: strongest, strength }),
    ]);
    await page.fill("#read", "a bad bag");
    await page.press("#read", "Enter");
    await page.locator("#panel h2").filter({ hasText: "Your sentence" }).waitFor();
    const panel = (await page.locator("#panel").textContent())!;
    expect(panel).toContain("a bad bag");
    expect(panel).toContain(`Shaded by latent ${strongest}`);

    // Back from a latent comes back to the sentence, which has an address.
    expect(page.url()).toContain("#small/text/a%20bad%20bag");
    await page.locator("#panel .latents a").first().click();
    await page
      .locator("#panel h2")
      .filter({ hasText: /^Latent/ })
      .waitFor();
    await page.goBack();
    await page.locator("#panel h2").filter({ hasText: "Your sentence" }).waitFor();
    for (const [written, answer] of [
      ["", /^write a sentence, or a row's number; rows are numbered 0 to 26$/],
      ["-1", /^there is no row -1; rows are numbered 0 to 26$/],
    ] as const) {
      await page.fill("#read", written);
      await page.press("#read", "Enter");
      await said(page, "read", answer);
    }
    expect(page.url()).toContain("#small/text/");

    // An order for what was found, and from the field into the list.
    await page.fill("#words", "bad");
    await page.press("#words", "Enter");
    const listed = () => page.locator("#rows b").allTextContents();
    await page.locator("#count").filter({ hasText: "latents fire at" }).waitFor();
    const found = await listed();
    await page.selectOption("#sort", "rare");
    expect([...(await listed())].sort()).toEqual([...found].sort());
    await page.focus("#words");
    await page.press("#words", "ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("list");
    await reader.release();
  });
});
