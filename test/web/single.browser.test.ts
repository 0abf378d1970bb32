import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import send from "send";
import { describe, expect, test } from "vitest";
import { noChromium, startChromium } from "../report/chromium.ts";

/** Files of a folder at an origin of their own, which any page may fetch. */
async function origin(folder: string): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    send(request, request.url!, { root: folder }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

describe.skipIf(noChromium)(`the single file${noChromium && ` (skipped: ${noChromium})`}`, () => {
  test("trains and evaluates in a page of another origin, as from a CDN", async () => {
    const [cdn, runtime, here] = await Promise.all([
      origin("dist/single"),
      origin("node_modules/onnxruntime-web/dist"),
      origin("graphs"),
    ]);
    const context = await startChromium();
    try {
      const page = await context.newPage();
      await page.goto(`${here.url}/README.md`);
      // As text: the test runner rewrites imports in functions.
      const result = (await page.evaluate(
        `(${program})(${JSON.stringify(`${cdn.url}/sae-onnx.js`)}, ${JSON.stringify(`${runtime.url}/`)})`,
      )) as { loss: [number, number]; metrics: Record<string, number>; note: string };
      expect(result.loss[1]).toBeLessThan(result.loss[0]);
      expect(result.metrics.reconstruction_loss!).toBeLessThan(result.loss[1]);
      expect(result.note).toMatch(/^WebAssembly, as/);
    } finally {
      await context.close();
      for (const one of [cdn, runtime, here]) one.close();
    }
  }, 60_000);
});

const program = `async (file, wasmPath) => {
  const sae = await import(file);
  const rows = sae.tensor("float32", [64, 8], Float32Array.from({ length: 512 }, (_, i) => Math.sin(i * i)));
  const config = sae.trainConfig({ inputDim: 8, latentDim: 16, options: { k: 3 }, epochs: 2, batchSize: 16 });
  const { state, epochsDone, loss } = await sae.train(config, rows, { wasmPath });
  const about = { epochsDone, loss, dataDigest: "", layer: null, position: null, metrics: {} };
  const model = sae.freeze({ config, tensors: state, ...about }, "autoencoder");
  const { metrics, note } = await sae.evaluate(model, { train: rows, validation: rows }, { wasmPath });
  return { loss, metrics, note };
}`;
