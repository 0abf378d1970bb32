import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { trainable } from "../../src/sae/index.ts";
import { architectureChoices, planned } from "../../src/worker/plan.ts";

const request = {
  ...{ architecture: "topk-relu", preset: "recommended", inputDim: 512, latentDim: 512, options: { k: 20 } },
  ...{ training: { epochs: 5, batchSize: 256, seed: 0 }, rows: 5978, provider: "wasm", threads: 1 },
};

test("a plan is the configuration that trainConfig makes, with what it takes", () => {
  const { config, bytes, seconds, refused } = planned(request);
  const { rows: _, provider: __, threads: ___, training, ...rest } = request;
  expect(config).toEqual(trainConfig({ ...rest, ...training }));
  // Parameters and two moments of 2 x 512 x 512 floats, and the rows.
  expect(bytes).toBeGreaterThan(4 * (3 * 2 * 512 * 512 + 5978 * 512));
  expect(seconds).toBeGreaterThan(1);
  expect(refused).toBeUndefined();
});

test("what has no room in a tab is refused before it starts, with what to do", () => {
  const { refused } = planned({ ...request, latentDim: 2_000_000 });
  expect(refused).toMatch(/^it takes about \d+ GB, and a tab has 4.3 GB; use fewer latents or smaller batches/);
  expect(() => planned({ ...request, rows: 100 })).toThrow("100 training rows are fewer than one batch of 256");
  expect(() => planned({ ...request, options: { k: 600 } })).toThrow("k must be an integer from 1 to latentDim = 512");
});

test("twice the epochs take twice as long, twice the threads no longer", () => {
  const { seconds } = planned(request);
  expect(planned({ ...request, training: { ...request.training, epochs: 10 } }).seconds).toBeCloseTo(2 * seconds, 6);
  expect(planned({ ...request, threads: 2 }).seconds).toBeLessThan(seconds);
});

test("the choices are the table of architectures", () => {
  expect(architectureChoices().map(({ name }) => name)).toEqual(trainable.map(({ name }) => name));
  for (const { name, options } of architectureChoices())
    expect(options.map((one) => one.name)).toEqual(Object.keys(trainable.find((one) => one.name === name)!.options));
});
