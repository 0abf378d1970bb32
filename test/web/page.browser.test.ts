import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { freeze } from "../../src/export/freeze.ts";
import { decodeModel, encodeModel, metadataOf, packModel, withMetadata } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { tensor } from "../../src/util/tensor.ts";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "../cli/run.ts";
import { noChromium, startChromium } from "../report/chromium.ts";
import {
  choose,
  embedded,
  evaluateInTab,
  file,
  fill,
  give,
  openPage,
  type Row,
  recognised,
  type Served,
  said,
  serve,
  servePlainly,
} from "./page.ts";

/** A model's bytes but for the digest of the verification vectors, which `export` writes beside it and a download does not have. */
function withoutVectors(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes, "model");
  const { parity: _, ...metadata } = metadataOf(model);
  return encodeModel(withMetadata(model, metadata));
}

const models = temporaryFolder();
let context: BrowserContext;
let served: Served;
let page: Page;
let requests: string[];

/** Node's rows of all models in the folder. */
const inNode = (...files: string[]): (Row & Record<string, number>)[] =>
  JSON.parse(saeOnnx("eval", ...files, "--data", embedded, "--json").stdout).rows;

/** Every number of a browser's row against Node's, to 1e-5. */
function expectEqual(tab: Row, node: Record<string, unknown>) {
  let compared = 0;
  for (const [key, value] of Object.entries(tab.metrics)) {
    const wanted = node[key] as number;
    expect(Math.abs(value - wanted), `${tab.name} ${key}: ${value}, Node ${wanted}`).toBeLessThanOrEqual(
      1e-5 * Math.max(1, Math.abs(wanted)),
    );
    compared++;
  }
  expect(compared).toBeGreaterThan(10);
}

describe.skipIf(noChromium)(`the page in Chromium, on WebAssembly${noChromium && ` (skipped: ${noChromium})`}`, () => {
  beforeAll(async () => {
    const grid = ["--latent-dim", "512,1024,2048", "--k", "5,10,20,100", "--epochs", "1", "--batch-size", "512"];
    const trained = saeOnnx("train", "--data", embedded, ...grid, "--out", models, "--quiet");
    expect(trained.status, trained.stderr).toBe(0);
    [context, served] = await Promise.all([startChromium(), serve(models)]);
    ({ page, requests } = await openPage(context, served.url));
  }, 180_000);
  afterAll(async () => {
    await context?.close();
    served?.process.kill();
  });

  test("says what it computes on and why, with threads as the page is isolated", async () => {
    expect(await page.locator("#where").textContent()).toMatch(/^Computes on WebAssembly, as .*, [2-8] threads\.$/);
  });

  test("shows a latent with every token shaded before anything is chosen", async () => {
    expect(await page.locator("#panel h2").textContent()).toMatch(/^Latent \d+$/);
    const shaded = await page.locator("#panel .words span").evaluateAll((spans) => ({
      all: spans.length,
      shaded: spans.filter((span) => (span as HTMLElement).style.getPropertyValue("--part") !== "").length,
    }));
    expect(shaded.shaded).toBeGreaterThan(10);
    expect(shaded.all).toBeGreaterThan(2 * shaded.shaded);
  });

  test("measures all twelve as Node does, with the report's figures; says what it measured on, and when that is stale", async () => {
    const rows = await evaluateInTab(page);
    expect(rows).toHaveLength(12);
    const node = inNode(...rows.map(({ name }) => join(models, `${name}.autoencoder.onnx`)));
    for (const [i, row] of rows.entries()) expectEqual(row, node[i]!);
    for (const name of ["pareto_frontier", "heatmap_explained_variance", "latents_sorted"])
      expect(await page.locator(`#${name} svg`).count(), name).toBe(1);
    expect(await page.locator("#evaluate-result caption").textContent()).toBe(
      "Measured on use-lite-resid0-pos3.safetensors, WebAssembly",
    );
    await page.locator("#evaluate-models input").first().uncheck();
    expect(await page.locator("#evaluate-stale").textContent()).toMatch(/^What stands here was measured of other SAEs/);
    await page.locator("#evaluate-models input").first().check();
    expect(await page.locator("#evaluate-stale").isHidden()).toBe(true);
  }, 120_000);

  test("trains as Node does, stops, resumes, and what it downloads measures the same in Node", async () => {
    const folder = temporaryFolder();
    const flags = ["--latent-dim", "256", "--k", "8", "--epochs", "2", "--out", folder, "--quiet", "--json"];
    const node = JSON.parse(saeOnnx("train", "--data", embedded, ...flags).stdout).rows[0];
    await page.click("#tab-train");
    await choose(page, "topk", "report");
    await fill(page, { latents: 256, k: 8, epochs: 12 });
    await page.click("#train-start");
    await said(page, "train", /^epoch \d+ of/);
    const asked = Date.now();
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 12/);
    expect(Date.now() - asked).toBeLessThan(6000);
    await page.click("#train-resume");
    await said(page, "train", /is done on/);
    const row = JSON.parse((await page.locator("#train-result").getAttribute("data-row"))!) as Row;
    expect(row.loss).toHaveLength(12);
    // Later epochs drift apart: a latent chosen otherwise once changes everything after it.
    for (const [i, loss] of node.loss.entries()) expect(row.loss[i]! / loss).toBeCloseTo(1, 4);
    expect(await page.locator("#train-live circle").count()).toBe(12);
    const save = async (name: string, suffix: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.click(`#train-result button:text-is("${name}.${suffix}")`),
      ]);
      const path = join(folder, download.suggestedFilename());
      await download.saveAs(path);
      return path;
    };
    const name = "topk_d256_k8";
    expectEqual(row, inNode(await save(name, "autoencoder.onnx"))[0]!);
    const encoder = readFileSync(await save(name, "encoder.onnx"));
    const checkpoint = await save(name, "safetensors");
    const resumed = readFileSync(checkpoint);
    const again = saeOnnx("export", checkpoint, "--part", "encoder", "--out", join(folder, "again"));
    expect(again.status, again.stderr).toBe(0);
    expect(withoutVectors(encoder)).toEqual(
      withoutVectors(readFileSync(join(folder, "again", `${name}.encoder.onnx`))),
    );
    const rows = tensor(
      "float32",
      [3, 512],
      Float32Array.from({ length: 3 * 512 }, (_, i) => Math.sin(i * i)),
    );
    const latentsOf = async (model: Uint8Array) =>
      (await (await cpu.open(packModel(decodeModel(model, "model")))).run({ activations: rows })).latents!;
    const latents = await latentsOf(encoder);
    expect(latents.dims).toEqual([3, 256]);
    expect(latents).toEqual(await latentsOf(readFileSync(join(folder, `${name}.autoencoder.onnx`))));

    await page.click("#train-start");
    await said(page, "train", /^epoch/);
    await said(page, "train", /is done on/);
    // To the last bit: weights, moments, losses and metrics, whether the training was stopped on its way or not.
    expect(resumed.equals(readFileSync(await save(`${name}_2`, "safetensors")))).toBe(true);
    // What was trained is what opens.
    await page.click('#train-result a:text-is("Look into topk_d256_k8_2")');
    await said(page, "explore", /^topk_d256_k8_2 on use-lite.*of 256 latents fire in 7,473 rows/);
  }, 120_000);

  test("a training that takes more memory than a tab has is refused before it starts, and the next one goes well", async () => {
    await give(page, file("long.npy", npy(sparseRows(20_000, 4))));
    await said(page, "data", /^20,000 rows/);
    await page.click("#tab-train");
    await choose(page, "topk", "report");
    // Latents of a batch: 16,000 x 200,000 floats, 13 GB; WebAssembly has 4.
    await fill(page, { latents: 200_000, k: 1, batch: 16_000, epochs: 1 });
    await page
      .locator("#train-plan")
      .filter({ hasText: /cannot be trained here: it takes about \d+ GB/ })
      .waitFor();
    await page.click("#train-start");
    expect(await said(page, "train", /;/)).toMatch(/^it takes about \d+ GB, and a tab has 4.3 GB; use fewer latents/);
    await fill(page, { latents: 8, k: 1, batch: 256 });
    await page
      .locator("#train-plan")
      .filter({ hasText: /^Takes about .* [kM]B and \d+ s/ })
      .waitFor();
    await page.click("#train-start");
    await said(page, "train", /is done on long\.npy/);
    await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
    await said(page, "data", /^7,473 rows/);
  });

  test("explores: a latent's rows with their texts, its neighbours, a row's latents and error; Back goes back", async () => {
    // The tab opens what was trained last, for which its activations are chosen; somebody chooses another SAE just then.
    await page.evaluate(async () => {
      document.getElementById("tab-explore")!.click();
      const data = document.getElementById("data") as HTMLSelectElement;
      while (data.value !== "long.npy") await new Promise((resolve) => setTimeout(resolve, 0));
      const model = document.getElementById("model") as HTMLSelectElement;
      model.value = "sae_d512_k20.autoencoder.onnx";
      model.dispatchEvent(new Event("change"));
    });
    await said(page, "explore", /^sae_d512_k20 .*of 512 latents fire in 7,473 rows/);
    await page.locator("#panel h2").waitFor();
    await page.locator("#panel .example .value a").first().click();
    const heading = page.locator("#panel h2").filter({ hasText: /^Row \d+$/ });
    await heading.waitFor();
    expect(page.url()).toMatch(/#sae_d512_k20\/row\/\d+$/);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Row \d+$/);
    await page.locator("#panel .latents li").nth(19).waitFor();
    expect(await page.locator("#panel .latents li").count()).toBe(20);
    expect(await page.locator("#panel .caption").last().textContent()).toMatch(
      /reconstruction error \(mean square\) \d/,
    );
    await page.goBack();
    await page
      .locator("#panel h2")
      .filter({ hasText: /^Latent/ })
      .waitFor();
    await page.fill("#read", "1,2,3");
    await page.press("#read", "Enter");
    expect(await said(page, "read", /./)).toBe("a row of 3 numbers; the model takes 512");
    await page.fill("#words", "#512");
    await page.press("#words", "Enter");
    await page.locator("#count").filter({ hasText: "there is no latent 512; they are numbered 0 to 511" }).waitFor();
    await page.fill("#words", "asteroid spacecraft zeppelin");
    await page
      .locator("#count")
      .filter({ hasText: /^no latent fires in texts with/ })
      .waitFor();
    await page.fill("#words", "Fish");
    await page.press("#words", "Enter");
    await page
      .locator("#count")
      .filter({ hasText: /^\d+ latents fire in texts with “Fish”/ })
      .waitFor();
    await page.locator("#panel mark").first().waitFor();
    expect(await page.locator("#panel mark").first().textContent()).toMatch(/^fish/i);
    const [hits, of] = (await page.locator("#rows a em").first().textContent())!.match(/\d+/g)!.map(Number);
    expect(hits! / of!).toBeGreaterThan(0.2);
    await page.fill("#words", "");
  });

  test("through all of this, nothing was asked of another machine", () => {
    const elsewhere = requests.filter(
      (url) => !/^(blob:)?http:\/\/127\.0\.0\.1:/.test(url) && !url.startsWith("data:"),
    );
    expect(elsewhere).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
  });

  test("goes on from a checkpoint that was downloaded, to the same bytes; says what is wrong with others", async () => {
    const { page } = await openPage(context, served.url);
    const folder = temporaryFolder();
    const save = async (as: string, name = "topk_d64_k4") => {
      const wait = page.waitForEvent("download");
      await page.click(`#train-result button:text-is("${name}.safetensors")`);
      const path = join(folder, as);
      await (await wait).saveAs(path);
      return path;
    };
    await page.click("#tab-train");
    await choose(page, "topk", "report");
    await fill(page, { latents: 64, k: 4, epochs: 9 });
    await page.click("#train-start");
    await said(page, "train", /^epoch \d/);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d of 9/);
    const halfway = await save("halfway.safetensors");
    await page.click("#train-start");
    await said(page, "train", /is done on/);
    const whole = await save("whole.safetensors", "topk_d64_k4_2");

    // What was left halfway is offered again, also after the page was left, and goes on to the same bytes.
    await page.reload();
    await page
      .locator("#kept")
      .filter({ hasText: /A training of topk_d64_k4 on use-lite.* was left after \d of 9/ })
      .waitFor();
    await page.click('#kept button:text-is("Go on")');
    await said(page, "train", /^topk_d64_k4 is done on/);
    expect(readFileSync(await save("kept.safetensors")).equals(readFileSync(whole))).toBe(true);

    await page.reload();
    expect(await page.locator("#kept p").count()).toBe(0);
    await page.locator('#model option:text-is("topk_d64_k4_2")').waitFor({ state: "attached" });
    await give(page, halfway);
    await said(page, "train", /^halfway\.safetensors: \d of 9 epochs are done; Resume goes on from there/);
    await page.click("#train-resume");
    await said(page, "train", /is done on/);
    expect(readFileSync(await save("resumed.safetensors", "topk_d64_k4_3")).equals(readFileSync(whole))).toBe(true);

    await give(page, whole);
    await said(page, "train", /^whole\.safetensors: is finished, 9 epochs of 9; choose one that is not$/);
    await give(page, file("noise.safetensors", "hello"));
    expect(await recognised(page, "noise.safetensors")).toMatch(/\(not kept\)$/);
    await give(page, file("other.npy", npy(sparseRows(600, 512))));
    await said(page, "data", /^600 rows/);
    await give(page, halfway);
    await said(page, "train", /^halfway\.safetensors: was trained on other activations .*; choose those above$/);
    await page.close();
  }, 120_000);

  test("by the keyboard alone: tabs by arrows, the list by arrows and Enter, then one Tab to the panel", async () => {
    await page.focus("#tab-evaluate");
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#train").isVisible()).toBe(true);
    await page.keyboard.press("Home");
    expect(await page.locator("#explore").isVisible()).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("tab-explore");
    await page.focus("#list");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    const second = await page.locator('#rows a[aria-selected="true"] b').first().textContent();
    await page.keyboard.press("Enter");
    await page
      .locator("#panel h2")
      .filter({ hasText: `Latent ${second}` })
      .waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("#panel") !== null)).toBe(true);
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("list");
  });

  describe("what cannot be used is said of it and not kept, and the page goes on", () => {
    const nan = sparseRows(4, 3);
    nan.data[7] = Number.NaN;
    test.each([
      ["notes.txt", "hello", "not one of the files this page takes"],
      ["wrong.npy", "hello", "not a .npy array"],
      ["nan.npy", npy(nan), "NaN at row 2, column 1"],
      ["empty.npy", "", "is empty"],
      ["broken.onnx", "hello", "not an ONNX model"],
      ["config.json", "{}", "is no tokenizer.json"],
    ])("%s", async (name, content, message) => {
      const before = await page.locator("#data option, #model option").count();
      await give(page, file(name, content));
      expect(await recognised(page, name)).toContain(message);
      expect(await page.locator("#data option, #model option").count()).toBe(before);
    });

    test("a file of 4 GB that is chosen is refused before it is read", async () => {
      const big = join(temporaryFolder(), "huge.npy");
      // All holes: it takes no room on the disk.
      writeFileSync(big, "");
      truncateSync(big, 2 ** 32);
      await give(page, big);
      expect(await recognised(page, "huge.npy")).toMatch(
        /^huge\.npy 4\.0 GiB, a tab takes files up to 2 GiB; split it, store it as float16, or use sae-onnx on the command line/,
      );
    });

    test("labels of another length, and labels that come alone", async () => {
      await give(page, file("few.npy", npy(sparseRows(20, 8))), file("few.labels.jsonl", '{"text":"one"}\n'));
      expect(await said(page, "data", /labels/)).toContain("1 labels for 20 rows of activations");
      await give(page, file("none.labels.jsonl", '{"text":"one"}\n'));
      await page.locator("#recognised").filter({ hasText: "none.labels.jsonl waits for its activations" }).waitFor();
      await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
      await said(page, "data", /^7,473 rows/);
    });

    test("a model of an unknown op, an encoder alone and one of another width: the others are measured", async () => {
      const good = readFileSync(join(models, "sae_d512_k5.autoencoder.onnx"));
      const bytes = Buffer.from(good);
      // The op's name, of the same length.
      for (let at = bytes.indexOf("TopK"); at >= 0; at = bytes.indexOf("TopK", at)) bytes.write("TopQ", at);
      await give(page, file("op.autoencoder.onnx", bytes));
      expect(await said(page, "explore", /operations that ONNX Runtime does not know.*TopQ/)).not.toBe("");
      await give(page, join(models, "sae_d512_k5.encoder.onnx"));
      expect(await recognised(page, "sae_d512_k5.encoder.onnx")).toContain("an encoder alone, to look into");
      await page.click("#tab-evaluate");
      expect(await page.locator('#evaluate-models input[value="sae_d512_k5.encoder.onnx"]').isDisabled()).toBe(true);
      await give(page, file("narrow.npy", npy(sparseRows(20, 8))));
      await said(page, "data", /^20 rows of 8/);
      await page.click("#tab-evaluate");
      for (const box of await page.locator("#evaluate-models input:enabled").all())
        await box.setChecked((await box.getAttribute("value")) === "sae_d512_k5.autoencoder.onnx");
      await page.click("#evaluate-run");
      expect(await said(page, "evaluate", /wide/)).toContain("takes activations 512 wide, the data are 8 wide");
      await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
      await said(page, "data", /^7,473 rows/);
      expect(await evaluateInTab(page, ["sae_d512_k5.autoencoder.onnx"])).toHaveLength(1);
    });
  });

  test("an autoencoder that takes more memory than a tab has: Evaluate and Explore say so, and go on with another", async () => {
    // 512 rows of it are 4.5 GB; WebAssembly has 4.
    const latentDim = 2_200_000;
    const config = trainConfig({ inputDim: 2, latentDim, options: { k: 1 } });
    const rows = () => tensor("float32", [latentDim, 2], new Float32Array(2 * latentDim).fill(0.5));
    const tensors = {
      W_enc: rows(),
      W_dec: rows(),
      b_enc: tensor("float32", [latentDim], new Float32Array(latentDim)),
    };
    const about = { epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null, metrics: {} };
    const path = join(temporaryFolder(), "large.autoencoder.onnx");
    writeFileSync(path, encodeModel(freeze({ config, tensors, ...about }, "autoencoder")));
    await give(page, file("two.npy", npy(sparseRows(6000, 2))));
    await said(page, "data", /^6,000 rows of 2/);
    await give(page, path);
    const memory = /^there was too little memory in this tab; close other tabs, or use fewer rows or latents/;
    expect(await said(page, "explore", /too little/)).toMatch(memory);
    await page.click("#tab-evaluate");
    for (const box of await page.locator("#evaluate-models input:enabled").all())
      await box.setChecked((await box.getAttribute("value")) === "large.autoencoder.onnx");
    await page.click("#evaluate-run");
    expect(await said(page, "evaluate", /;/)).toMatch(memory);
    await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
    await page.click("#tab-explore");
    await page.selectOption("#model", "sae_d512_k5.autoencoder.onnx");
    await said(page, "explore", /^sae_d512_k5 .*of 512 latents fire in 7,473 rows/);
    expect(await evaluateInTab(page, ["sae_d512_k5.autoencoder.onnx"])).toHaveLength(1);
  }, 120_000);

  test("as static files behind a plain server: one thread, painted within a second, a first result within three", async () => {
    const folder = temporaryFolder();
    const written = saeOnnx("serve", "--models", models, "--data", embedded, "--out", folder);
    expect(written.stdout).toContain("the page with 12 models");
    const plain = await servePlainly(folder);
    try {
      const before = performance.now();
      const { page: still } = await openPage(context, plain.url);
      const took = performance.now() - before;
      const painted = await still.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime);
      expect(painted).toBeLessThan(1000);
      expect(took).toBeLessThan(3000);
      expect(await still.evaluate(() => crossOriginIsolated)).toBe(false);
      expect(await still.locator("#where").textContent()).toContain("1 thread.");
      const [row] = await evaluateInTab(still, ["sae_d512_k5.autoencoder.onnx"]);
      // A gradient of the same name in two figures would colour both legends alike.
      const ids = await still.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
      expectEqual(row!, inNode(join(models, `${row!.name}.autoencoder.onnx`))[0]!);
      await still.close();
    } finally {
      plain.process.kill();
    }
  });

  test.each([1280, 768, 400])("at %i pixels nothing is wider than the window", async (width) => {
    await page.setViewportSize({ width, height: 900 });
    for (const tab of ["evaluate", "explore", "train"]) {
      await page.click(`#tab-${tab}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(width);
    }
    // Figures are drawn again for the window there is.
    await page.click("#tab-evaluate");
    await page.waitForFunction((wide) => {
      const drawn = Number(document.querySelector("#latents_sorted svg")?.getAttribute("width"));
      return wide > 500 ? drawn > 400 : drawn > 100 && drawn <= wide;
    }, width);
  });
});
