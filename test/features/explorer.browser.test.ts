import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listScript, mostBytes } from "../../src/features/explorer/data.ts";
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

  test("a latent that is not there is said in words; a dead one too", async () => {
    const { page } = await opened(out, { hash: "#latent/10" });
    await page.waitForSelector("#latent .notice");
    expect(await page.locator("#latent .notice").textContent()).toContain("There is no latent 10 here");
    await page.goto(page.url().replace("latent/10", "latent/9"));
    await page.waitForSelector("#latent h2");
    expect(await page.locator("#latent").textContent()).toContain("It never fires");
    await page.close();
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
    const folder = join(temporaryFolder(), "large");
    mkdirSync(join(folder, "explorer"), { recursive: true });
    const many = Array.from({ length: 65_536 }, (_, i) => i);
    const list = {
      frequency: many.map((i) => 1 / (i + 2)),
      largest: many.map((i) => i / 7),
      marks: many.map(() => 0),
      words: many.map((i) => ` word${i} · topic=sea · label=${i % 977}`),
    };
    writeFileSync(join(folder, "explorer", "list.js"), listScript(list));
    writeFileSync(join(folder, "index.html"), explorerPage({ title: "Large", lines: ["65,536 latents."] }));
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
    expect(errors).toEqual([]);
    await page.close();
  });
});
