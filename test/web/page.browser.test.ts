import { readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
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
import { embedded, evaluateInTab, openPage, type Row, type Served, said, serve, servePlainly } from "./page.ts";

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

const putModel = (file: string | { name: string; mimeType: string; buffer: Buffer }) =>
  page.setInputFiles("#model-file", file);
const file = (name: string, bytes: Uint8Array | string) => ({
  name,
  mimeType: "application/octet-stream",
  buffer: Buffer.from(bytes as Uint8Array),
});

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

  test("measures all twelve as Node does, with the report's figures", async () => {
    await page.evaluate(() => {
      for (const option of (document.getElementById("model") as HTMLSelectElement).options) option.selected = true;
    });
    const rows = await evaluateInTab(page);
    expect(rows).toHaveLength(12);
    const node = inNode(...rows.map(({ name }) => join(models, `${name}.autoencoder.onnx`)));
    for (const [i, row] of rows.entries()) expectEqual(row, node[i]!);
    for (const name of ["pareto_frontier", "heatmap_explained_variance", "latents_sorted"])
      expect(await page.locator(`#${name} svg`).count(), name).toBe(1);
  }, 120_000);

  test("trains as Node does, stops, resumes, and what it downloads measures the same in Node", async () => {
    const folder = temporaryFolder();
    const flags = ["--latent-dim", "256", "--k", "8", "--epochs", "2", "--out", folder, "--quiet", "--json"];
    const node = JSON.parse(saeOnnx("train", "--data", embedded, ...flags).stdout).rows[0];
    await page.click("#tab-train");
    for (const [id, value] of Object.entries({ latents: "256", k: "8", epochs: "12" }))
      await page.fill(`#train-${id}`, value);
    await page.click("#train-start");
    await said(page, "train", /^epoch \d+ of/);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d+ of 12/);
    await page.click("#train-resume");
    await said(page, "train", /^done on/);
    const row = JSON.parse((await page.locator("#train-result").getAttribute("data-row"))!) as Row;
    expect(row.loss).toHaveLength(12);
    // Later epochs drift apart: a latent chosen otherwise once changes everything after it.
    for (const [i, loss] of node.loss.entries()) expect(row.loss[i]! / loss).toBeCloseTo(1, 4);
    const save = async (suffix: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.click(`#train-result button:text-is("tab_d256_k8.${suffix}")`),
      ]);
      const path = join(folder, download.suggestedFilename());
      await download.saveAs(path);
      return path;
    };
    expectEqual(row, inNode(await save("autoencoder.onnx"))[0]!);
    const encoder = readFileSync(await save("encoder.onnx"));
    const checkpoint = await save("safetensors");
    const resumed = readFileSync(checkpoint);
    const again = saeOnnx("export", checkpoint, "--part", "encoder", "--out", join(folder, "again"));
    expect(again.status, again.stderr).toBe(0);
    expect(withoutVectors(encoder)).toEqual(
      withoutVectors(readFileSync(join(folder, "again", "tab_d256_k8.encoder.onnx"))),
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
    expect(latents).toEqual(await latentsOf(readFileSync(join(folder, "tab_d256_k8.autoencoder.onnx"))));

    await page.click("#train-start");
    await said(page, "train", /^epoch/);
    await said(page, "train", /^done on/);
    // To the last bit: weights, moments, losses and metrics, whether the training was stopped on its way or not.
    expect(resumed.equals(readFileSync(await save("safetensors")))).toBe(true);
  }, 120_000);

  test("a training that takes more memory than a tab has says so, and the next one goes well", async () => {
    await page.click("#tab-train");
    await page.setInputFiles("#data-file", file("long.npy", npy(sparseRows(20_000, 4))));
    await said(page, "data", /^20000 rows/);
    const fill = async (values: Record<string, number>) => {
      for (const [id, value] of Object.entries(values)) await page.fill(`#train-${id}`, String(value));
    };
    // Latents of a batch: 16,000 x 200,000 floats, 13 GB; WebAssembly has 4.
    await fill({ latents: 200_000, k: 1, batch: 16_000, epochs: 1 });
    await page.click("#train-start");
    expect(await said(page, "train", /;/)).toMatch(/^there was too little memory in this tab; close other tabs/);
    await fill({ latents: 8, k: 1, batch: 256 });
    await page.click("#train-start");
    await said(page, "train", /^done on long\.npy/);
    await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
    await said(page, "data", /^7473 rows/);
  });

  test("explores: a latent's rows with their texts, its neighbours, a row's latents and error", async () => {
    await page.selectOption("#model", ["sae_d512_k20.autoencoder.onnx"]);
    await page.click("#tab-explore");
    await page.click("#explore-open");
    await said(page, "explore", /of 512 latents fire in 7473 rows/);
    await page.locator("#explore-latent h2").waitFor();
    expect(await page.locator("#explore-latent mark").count()).toBeGreaterThan(0);
    await page.locator("#explore-latent [data-row]").first().click();
    await page.locator("#row-result h3").waitFor();
    expect(await page.locator("#row-result tbody tr").count()).toBe(20);
    expect(await page.locator("#row-result").textContent()).toMatch(/reconstruction error \(mean square\) \d/);
    await page.fill("#row-input", "1,2,3");
    await page.press("#row-input", "Enter");
    expect(await said(page, "row", /./)).toBe("a row of 3 numbers; the model takes 512");
    await page.fill("#explore-search", "512");
    await page.press("#explore-search", "Enter");
    expect(await said(page, "latent", /./)).toBe("there is no latent 512; they are numbered 0 to 511");
    await page.fill("#explore-search", "asteroid spacecraft zeppelin");
    await page.press("#explore-search", "Enter");
    expect(await said(page, "latent", /no latent has/)).toContain("try one word");
    await page.fill("#explore-search", "Fish");
    await page.press("#explore-search", "Enter");
    expect(await said(page, "latent", /have “Fish”/)).toMatch(/^\d+ latents have “Fish” in the texts of their 20/);
    const share = Number.parseFloat(
      (await page.locator("#explore-list tbody tr:first-child td").nth(1).textContent())!,
    );
    expect(share).toBeGreaterThan(0);
    const texts = await page.locator("#explore-latent td.text").allTextContents();
    expect(texts).toContainEqual(expect.stringMatching(/\bfish/i));
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
    const save = async (name: string) => {
      const wait = page.waitForEvent("download");
      await page.click('#train-result button:text-is("tab_d64_k4.safetensors")');
      const path = join(folder, name);
      await (await wait).saveAs(path);
      return path;
    };
    await page.click("#tab-train");
    for (const [id, value] of Object.entries({ latents: 64, k: 4, epochs: 9 }))
      await page.fill(`#train-${id}`, String(value));
    await page.click("#train-start");
    await said(page, "train", /^epoch \d/);
    await page.click("#train-stop");
    await said(page, "train", /^stopped after \d of 9/);
    const halfway = await save("halfway.safetensors");
    await page.click("#train-start");
    await said(page, "train", /^done on/);
    const whole = await save("whole.safetensors");

    await page.reload();
    await said(page, "data", /^7473 rows/);
    await page.setInputFiles("#train-checkpoint", halfway);
    await said(page, "train", /^halfway\.safetensors: \d of 9 epochs are done; Resume goes on from there/);
    await page.click("#train-resume");
    await said(page, "train", /^done on/);
    expect(readFileSync(await save("resumed.safetensors")).equals(readFileSync(whole))).toBe(true);

    await page.setInputFiles("#train-checkpoint", whole);
    await said(page, "train", /^whole\.safetensors: is finished, 9 epochs of 9; choose one that is not$/);
    await page.setInputFiles("#train-checkpoint", file("noise.safetensors", "hello"));
    await said(page, "train", /^noise\.safetensors: /);
    await page.setInputFiles("#data-file", file("other.npy", npy(sparseRows(600, 512))));
    await said(page, "data", /^600 rows/);
    await page.setInputFiles("#train-checkpoint", halfway);
    await said(page, "train", /^halfway\.safetensors: was trained on other activations .*; choose those above$/);
    await page.close();
  }, 120_000);

  test("by the keyboard alone: tabs by arrows, the chosen one shown", async () => {
    await page.focus("#tab-train");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#evaluate").isVisible()).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("tab-evaluate");
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#train").isVisible()).toBe(true);
  });

  describe("what cannot be used is said beside it, and the page goes on", () => {
    const nan = sparseRows(4, 3);
    nan.data[7] = Number.NaN;
    test.each([
      ["data", "notes.txt", "hello", "notes.txt: activations are .npy, .npz or .safetensors files"],
      ["data", "wrong.npy", "hello", "not a .npy array"],
      ["data", "nan.npy", npy(nan), "NaN at row 2, column 1"],
      ["data", "empty.npy", "", "empty.npy: is empty"],
      ["model", "notes.txt", "hello", "models are .onnx files"],
    ])("%s: %s", async (id, name, content, message) => {
      await page.setInputFiles(`#${id}-file`, file(name, content));
      expect(await said(page, id, /:/)).toContain(message);
    });

    test("a file of 4 GB that is chosen is refused before it is read", async () => {
      const big = join(temporaryFolder(), "huge.npy");
      // All holes: it takes no room on the disk.
      writeFileSync(big, "");
      truncateSync(big, 2 ** 32);
      for (const id of ["data", "model"]) {
        const name = id === "data" ? big : big.replace(".npy", ".onnx");
        renameSync(big, name);
        await page.setInputFiles(`#${id}-file`, name);
        expect(await said(page, id, /huge/)).toMatch(
          /^huge\.(npy|onnx): 4\.0 GiB, a tab takes files up to 2 GiB; split/,
        );
      }
    });

    test("a file of 4 GB that is dropped, too", async () => {
      await page.evaluate(() => {
        const big = new File([], "big.npy");
        Object.defineProperty(big, "size", { value: 2 ** 32 });
        const drop = new Event("drop", { bubbles: true, cancelable: true });
        Object.defineProperty(drop, "dataTransfer", { value: { files: [big] } });
        document.getElementById("data-field")!.dispatchEvent(drop);
      });
      expect(await said(page, "data", /big\.npy/)).toBe(
        "big.npy: 4.0 GiB, a tab takes files up to 2 GiB; split it, store it as float16, or use sae-onnx on the command line",
      );
    });

    test("a model that is none, one of an unknown op, and one of another width", async () => {
      const good = readFileSync(join(models, "sae_d512_k5.autoencoder.onnx"));
      const bytes = Buffer.from(good);
      // The op's name, of the same length.
      for (let at = bytes.indexOf("TopK"); at >= 0; at = bytes.indexOf("TopK", at)) bytes.write("TopQ", at);
      await page.click("#tab-evaluate");
      for (const [name, content, message] of [
        ["broken.onnx", Buffer.from("hello"), /^broken\.onnx: not an ONNX model/],
        ["op.onnx", bytes, /operations that ONNX Runtime does not know.*TopQ/],
      ] as const) {
        await putModel(file(name, content));
        await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
        await page.click("#evaluate-run");
        expect(await said(page, "evaluate", message)).not.toBe("");
        await page.click("#tab-explore");
        await page.click("#explore-open");
        expect(await said(page, "explore", message)).not.toBe("");
        await page.click("#tab-evaluate");
      }
      await page.setInputFiles("#data-file", file("narrow.npy", npy(sparseRows(20, 8))));
      await said(page, "data", /^20 rows of 8/);
      await page.selectOption("#model", ["sae_d512_k5.autoencoder.onnx"]);
      await page.click("#evaluate-run");
      expect(await said(page, "evaluate", /wide/)).toContain("takes activations 512 wide, the data are 8 wide");
      await page.click("#tab-explore");
      await page.click("#explore-open");
      expect(await said(page, "explore", /wide/)).toContain("takes activations 512 wide, the data are 8 wide");
      await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
      await said(page, "data", /^7473 rows/);
      expect(await evaluateInTab(page)).toHaveLength(1);
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
    await page.setInputFiles("#data-file", file("two.npy", npy(sparseRows(6000, 2))));
    await said(page, "data", /^6000 rows of 2/);
    await page.setInputFiles("#model-file", path);
    for (const tab of ["evaluate", "explore"]) {
      await page.click(`#tab-${tab}`);
      await page.click(`#${tab}-${tab === "evaluate" ? "run" : "open"}`);
      expect(await said(page, tab, /;/)).toMatch(
        /^there was too little memory in this tab; close other tabs, or use fewer rows or latents/,
      );
    }
    await page.selectOption("#data", "use-lite-resid0-pos3.safetensors");
    await page.selectOption("#model", ["sae_d512_k5.autoencoder.onnx"]);
    await page.click("#explore-open");
    await said(page, "explore", /of 512 latents fire in 7473 rows/);
    expect(await evaluateInTab(page)).toHaveLength(1);
  }, 120_000);

  test("as static files behind a plain server: one thread, the same numbers", async () => {
    const folder = temporaryFolder();
    const written = saeOnnx("serve", "--models", models, "--data", embedded, "--out", folder);
    expect(written.stdout).toContain("the page with 12 models");
    const plain = await servePlainly(folder);
    try {
      const { page: still } = await openPage(context, plain.url);
      expect(await still.evaluate(() => crossOriginIsolated)).toBe(false);
      expect(await still.locator("#where").textContent()).toContain("1 thread.");
      const [row] = await evaluateInTab(still);
      // A gradient of the same name in two figures would colour both legends alike.
      const ids = await still.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
      expectEqual(row!, inNode(join(models, `${row!.name}.autoencoder.onnx`))[0]!);
    } finally {
      plain.process.kill();
    }
  });

  test.each([1280, 400])("at %i pixels nothing is wider than the window", async (width) => {
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
