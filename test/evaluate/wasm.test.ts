import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { readActivations } from "../../src/data/files.node.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { wasm } from "../../src/runtime/web.ts";
import { train } from "../../src/train/train.ts";
import { sliceRows } from "../../src/util/tensor.ts";

test("WebAssembly gives the CPU's metrics on the embedded activations", async () => {
  const { activations } = await readActivations("examples/data/use-lite-resid0-pos3.safetensors");
  const [rows, held] = [sliceRows(activations, 0, 1280), sliceRows(activations, 5978, 6278)];
  const config = trainConfig({ inputDim: 512, latentDim: 256, options: { k: 10 }, epochs: 4, batchSize: 128 });
  const { state, loss } = await train(cpu, config, rows, { threads: 2 });
  const model = freeze(
    { config, tensors: state, epochsDone: 4, loss, dataDigest: "", layer: null, position: 3, metrics: {} },
    "autoencoder",
  );
  const data = { train: sliceRows(rows, 0, 300), validation: held };
  const native = await evaluate(cpu, model, data, { threads: 1 });
  const web = await evaluate(wasm, model, data, { threads: 1 });

  expect(native.metrics.explained_variance).toBeGreaterThan(0.3);
  for (const [key, value] of Object.entries(native.metrics))
    expect(Math.abs(web.metrics[key]! - value!), `${key} ${web.metrics[key]} ${value}`).toBeLessThanOrEqual(
      1e-5 * Math.abs(value!),
    );
  expect(web.splits).toEqual(native.splits);
  // The same latents fire equally often.
  expect(web.latents.frequency).toEqual(native.latents.frequency);
}, 60_000);
