import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { sample } from "../checkpoint/sample.ts";
import { matrix } from "../data/helpers.ts";
import { noChromium, startChromium } from "../report/chromium.ts";
import { cases } from "../sae/cases.ts";

/** A server as people use in development: what it does not have, it answers with the page. */
const files = new Map<string, readonly [type: string, bytes: Uint8Array]>();
const server = createServer(({ url = "" }, response) => {
  if (url.startsWith("/gone/")) response.writeHead(404).end();
  else {
    const runtime = /^\/ort\/([\w.-]+)$/.exec(url)?.[1];
    const [type, bytes] = runtime
      ? [
          runtime.endsWith(".wasm") ? "application/wasm" : "text/javascript",
          readFileSync(`node_modules/onnxruntime-web/dist/${runtime}`),
        ]
      : (files.get(url) ?? ["text/html", new TextEncoder().encode("<!doctype html>\n<html><head></head></html>")]);
    response.writeHead(200, { "Content-Type": type }).end(bytes);
  }
});
let context: Awaited<ReturnType<typeof startChromium>>;

/** What a piece of code that awaits something in a page is refused with. */
async function complaint(code: string): Promise<string> {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  // As text: the test runner rewrites imports in functions.
  const said = await page.evaluate(`(async () => {
    const sae = await import("/sae-onnx.js");
    const x = sae.tensor("float32", [20, 16], Float32Array.from({ length: 320 }, (_, i) => Math.sin(i * i)));
    const bad = { ...x, data: x.data.slice() };
    bad.data[35] = NaN;
    const here = { provider: "wasm", wasmPath: "/ort/" };
    const config = sae.trainConfig({ inputDim: 16, latentDim: 32, options: { k: 3 }, epochs: 1, batchSize: 10 });
    try { ${code} } catch (error) { return error.name + ": " + error.message; }
    return "nothing was refused";
  })()`);
  await page.close();
  return said as string;
}

describe.skipIf(noChromium)(
  `in a page an error says the real cause${noChromium && ` (skipped: ${noChromium})`}`,
  () => {
    beforeAll(async () => {
      files.set("/sae-onnx.js", ["text/javascript", readFileSync("dist/single/sae-onnx.js")]);
      const checkpoint = await sample(cases[0]!);
      files.set("/a.encoder.onnx", ["", encodeModel(freeze(checkpoint, "encoder"))]);
      files.set("/a.autoencoder.onnx", ["", encodeModel(freeze(checkpoint, "autoencoder"))]);
      files.set("/two.safetensors", ["", writeSafetensors({ a: matrix([1, 2]), b: matrix([3, 4]) })]);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      context = await startChromium();
    });
    afterAll(async () => {
      await context?.close();
      server.close();
    });

    test.each(["/gone/", "/page/"])("ONNX Runtime's files are not at %s", async (path) => {
      const said = await complaint(`await sae.train(config, x, { ...here, wasmPath: "${path}" })`);
      const answer = path === "/gone/" ? "the server answers 404" : "the server answers with a page (text/html)";
      expect(said).toContain("ConfigError: ONNX Runtime's file ort-wasm-simd-threaded.wasm is not at http://");
      expect(said).toContain(`${path}ort-wasm-simd-threaded.wasm: ${answer}`);
      expect(said).not.toContain("memory in this tab");
    });

    test("a page comes in the place of a model", async () => {
      expect(await complaint('await sae.loadEncoder("/none.encoder.onnx", here)')).toMatch(
        /^ConfigError: none\.encoder\.onnx: is a web page, not the file itself; where there is no such file a server may/,
      );
      expect(await complaint('await sae.evaluate("/none.onnx", { train: x, validation: x }, here)')).toContain(
        "none.onnx: is a web page, not the file itself",
      );
    });

    test("a row has NaN", async () => {
      const said = "NaN at row 2, column 3; 1 of 20 rows affected; drop these rows";
      expect(await complaint("await sae.train(config, bad, here)")).toBe(`ConfigError: activations: ${said}`);
      expect(await complaint('await (await sae.loadEncoder("/a.encoder.onnx", here)).encode(bad)')).toBe(
        `ConfigError: activations: ${said}`,
      );
      expect(await complaint('await sae.evaluate("/a.autoencoder.onnx", { train: x, validation: bad }, here)')).toBe(
        `ConfigError: validation rows: ${said}`,
      );
    });

    test("a file has several matrices, and there is no flag here to choose one with", async () => {
      const said = await complaint(`
      const worker = await sae.SaeWorker.start(here);
      const bytes = new Uint8Array(await (await fetch("/two.safetensors")).arrayBuffer());
      await worker.call("read", { name: "two.safetensors", file: bytes });`);
      expect(said).toBe(
        'ConfigError: two.safetensors: several tensors could be the activations; keep one in the file, or call the right one activations: "a" F32 [1, 2]; "b" F32 [1, 2]',
      );
    });
  },
);
