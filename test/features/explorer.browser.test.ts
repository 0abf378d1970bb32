import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listScript, mostBytes, textsScript } from "../../src/features/explorer/data.ts";
import { explorerPage } from "../../src/features/explorer/page.ts";
import { writeFeatures } from "../../src/pipeline/features.node.ts";
import { temporaryFolder } from "../cli/run.ts";
import { noChromium, startChromium } from "../report/chromium.ts";
import { pageFaults } from "../report/pageFaults.ts";

const fixtures = "test/fixtures/features";
const out = join(temporaryFolder(), "features");

beforeAll(async () => {
  const data = join(fixtures, "rows.npy");
  await writeFeatures({
    ...{ data, out, model: join(fixtures, "both-signs.onnx") },
    ...{ unembedding: join(fixtures, "unembedding.npy"), tokenizer: join(fixtures, "tokens.json") },
  });
});

test("each latent is below 50 kB", () => {
  const folder = join(out, "explorer", "latents");
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  expect(sizes).toHaveLength(10);
  expect(Math.max(...sizes)).toBeLessThan(mostBytes);
});

describe.skipIf(noChromium)(`the explorer in Chromium${noChromium && ` (skipped: ${noChromium})`}`, () => {
  let context: BrowserContext;
  beforeAll(async () => {
    context = await startChromium();
  });
  afterAll(() => context?.close());

  /** The page of a folder, opened from disk, and what went wrong in it. */
  async function opened(folder: string, { width = 1280, scheme = "light" as "light" | "dark", hash = "" } = {}) {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(`${pathToFileURL(resolve(folder, "index.html")).href}${hash}`);
    await page.waitForFunction(() => document.querySelectorAll("#rows a").length > 0);
    return { page, errors };
  }

  const chosen = (page: Page) => page.locator('#rows a[aria-selected="true"] b').textContent();
  const shown = (page: Page) => page.locator("#latent h2").textContent();

  test("arrows choose, Enter opens, Escape and Back go back; addresses name a latent", async () => {
    const { page, errors } = await opened(out);
    const first = await chosen(page);
    await page.keyboard.press("ArrowDown");
    const second = await chosen(page);
    expect(second).not.toBe(first);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#latent h2");
    expect(await shown(page)).toBe(`Latent ${second}`);
    expect(page.url()).toMatch(new RegExp(`#latent/${second}$`));
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForFunction((one) => document.querySelector("#latent h2")?.textContent === `Latent ${one}`, first);
    await page.goBack();
    await page.waitForFunction((one) => document.querySelector("#latent h2")?.textContent === `Latent ${one}`, second);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("#latent h2"));
    expect(errors).toEqual([]);
    await page.close();
  });

  test("finds latents by number and by words, and orders them", async () => {
    const { page } = await opened(out);
    await page.fill("#words", "7");
    expect(await page.locator("#rows a b").allTextContents()).toEqual(["7"]);
    await page.fill("#words", "topic=sea");
    expect((await page.locator("#rows a small").allTextContents()).every((text) => text.includes("topic=sea"))).toBe(
      true,
    );
    await page.fill("#words", "");
    await page.selectOption("#sort", "index");
    expect(await page.locator("#rows a b").allTextContents()).toEqual([..."0123456789"]);
    await page.close();
  });

  /** A page of made-up latents: how often each fires, its words in the list, and the texts that are searched besides. */
  function written(name: string, frequency: readonly number[], words: readonly string[], texts: readonly string[]) {
    const folder = join(temporaryFolder(), name);
    mkdirSync(join(folder, "explorer"), { recursive: true });
    const list = { frequency: [...frequency], largest: frequency.map((_, i) => i / 7) };
    const marks = frequency.map(() => 0);
    writeFileSync(join(folder, "explorer", "list.js"), listScript({ ...list, marks, words: [...words] }));
    writeFileSync(join(folder, "explorer", "texts.js"), textsScript(texts));
    const page = { title: name, latents: frequency.length, lines: [`${name}.`] };
    writeFileSync(join(folder, "index.html"), explorerPage(page));
    return folder;
  }

  /** 256 latents of which those with high numbers fire most. */
  const made = () => {
    const all = Array.from({ length: 256 }, (_, i) => i);
    const words = all.map((i) => `topic=${i}`);
    return written(
      "made",
      all.map((i) => i / 256),
      words,
      all.map((i) => (i === 40 ? "I Don’t know" : i === 50 ? "a topic=41 of the text" : "")),
    );
  };

  test("of numbers that begin alike the one typed comes first, and Enter opens it", async () => {
    const { page } = await opened(made(), { hash: "#latent/126" });
    await page.fill("#words", "12");
    const numbers = ["12", ...Array.from({ length: 10 }, (_, i) => String(129 - i))];
    expect(await page.locator("#rows a b").allTextContents()).toEqual(numbers);
    expect(await page.locator("#count").textContent()).toBe("11 of 256 latents whose number begins with 12");
    await page.focus("#words");
    await page.keyboard.press("Enter");
    await page.waitForURL(/#latent\/12$/);
    await page.close();
  });

  test("texts that the list does not show are found after its words; where nothing is found, the line says what was searched", async () => {
    const { page, errors } = await opened(made());
    await page.fill("#words", "topic=41");
    await page.waitForFunction(() => document.querySelectorAll("#rows a").length === 2);
    expect(await page.locator("#rows a").allTextContents()).toEqual([
      "16 %41topic=41",
      "19.5 %50… a topic=41 of the text",
    ]);
    await page.fill("#words", "don't");
    expect(await page.locator("#rows a b").allTextContents()).toEqual(["40"]);
    await page.fill("#words", "zzzq");
    const count = await page.locator("#count").textContent();
    expect(count).toMatch(/^0 of 256 latents: “zzzq” is in none of their tokens, labels and strongest texts/);
    expect(count).toMatch(/Try a part of a word, or a number from 0 to 255\.$/);
    await page.fill("#words", "");
    expect(await page.locator("#count").textContent()).toBe("256 latents");
    expect(errors).toEqual([]);
    await page.close();
  });

  test.each(["#row/5", "#3", "#latent/10", "#latent/x"])(
    "%s is no latent: the page says so, and which there are",
    async (hash) => {
      const { page } = await opened(out, { hash });
      const said = `${hash} is no latent here: they are #latent/0 to #latent/9.`;
      expect(await page.locator("#latent .notice").textContent({ timeout: 1000 })).toBe(said);
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => document.querySelector("#latent")!.textContent === "Choose a latent.");
      await page.close();
    },
  );

  test("a press is not lost when the list is drawn before the release", async () => {
    const { page } = await opened(out);
    const row = page.locator("#rows a").nth(3);
    const number = await row.locator("b").textContent();
    await row.hover();
    await page.mouse.down();
    await page.evaluate(() => dispatchEvent(new Event("resize")));
    await page.mouse.up();
    await page.waitForFunction((one) => document.querySelector("#latent h2")?.textContent === `Latent ${one}`, number, {
      timeout: 2000,
    });
    await page.close();
  });

  test("text of the data stays text; every token is shaded by its activation", async () => {
    const { page, errors } = await opened(out, { hash: "#latent/0" });
    await page.waitForSelector("#latent .words");
    expect(await page.locator("#latent .words b, #latent .token b").count()).toBe(0);
    expect(await page.locator("#latent").textContent()).toContain('<b>&"China"</b>');
    const lines = readFileSync(join(out, "latents.jsonl"), "utf8").split("\n");
    const [top] = JSON.parse(lines[0]!).top;
    const drawn = await page
      .locator("#latent .words")
      .first()
      .evaluate((text) =>
        [...text.querySelectorAll("span")].map((span) => ({
          token: span.textContent,
          isShaded: getComputedStyle(span).backgroundColor !== "rgba(0, 0, 0, 0)",
        })),
      );
    expect(drawn.map(({ token }) => token)).toEqual(top.tokens);
    expect(drawn.map(({ isShaded }) => isShaded)).toEqual(top.activations.map((one: number) => one !== 0));
    expect(errors).toEqual([]);
    await page.close();
  });

  test("a latent whose file is missing is said in words; a dead one too", async () => {
    const { page } = await opened(made(), { hash: "#latent/9" });
    await page.waitForSelector("#latent .notice");
    expect(await page.locator("#latent .notice").textContent()).toContain("explorer/latents/9.js cannot be read");
    await page.close();
    const { page: other } = await opened(out, { hash: "#latent/9" });
    await other.waitForSelector("#latent h2");
    expect(await other.locator("#latent").textContent()).toContain("It never fires");
    await other.close();
  });

  test.each([
    [1280, "light"],
    [1280, "dark"],
    [400, "light"],
    [400, "dark"],
  ] as const)("%i pixels, %s: nothing cut off, covered or faint", async (width, scheme) => {
    const { page } = await opened(out, { width, scheme, hash: "#latent/3" });
    await page.waitForSelector("#latent .words");
    expect(await page.evaluate(pageFaults)).toEqual([]);
    await page.close();
  });

  test("65,536 latents: first paint within a second, and a list of what is seen alone", async () => {
    const many = Array.from({ length: 65_536 }, (_, i) => i);
    const folder = written(
      "large",
      many.map((i) => 1 / (i + 2)),
      many.map((i) => ` word${i} · topic=sea · label=${i % 977}`),
      many.map((i) => `text ${i} of it`.repeat(36).slice(0, 500)),
    );
    const { page, errors } = await opened(folder);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime);
    expect(paint).toBeLessThan(1000);
    expect(await page.locator("#count").textContent()).toBe("65,536 latents");
    expect(await page.locator("#rows a").count()).toBeLessThan(60);
    await page.keyboard.press("PageDown");
    await page.locator("#list").evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await page.waitForFunction(() =>
      [...document.querySelectorAll("#rows a b")].some((one) => one.textContent === "65535"),
    );
    await page.fill("#words", "text 65534 of");
    await page.waitForFunction(() => document.querySelector("#rows a b")?.textContent === "65534");
    expect(errors).toEqual([]);
    await page.close();
  });
});
