import { describe, expect, test } from "vitest";
import { noChromium, startChromium } from "../report/chromium.ts";
import { serveFolder } from "./staticServer.ts";

describe.skipIf(noChromium)(`the single file${noChromium && ` (skipped: ${noChromium})`}`, () => {
  test("trains and evaluates in a page of another origin, as from a CDN", async () => {
    const [cdn, runtime, here] = await Promise.all([
      serveFolder("dist/single"),
      serveFolder("node_modules/onnxruntime-web/dist"),
      serveFolder("graphs"),
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
