import { describe, expect, test } from "vitest";
import { fittedTo, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { configFromJson, configToJson } from "../../src/config/json.ts";
import { architectures, trainable } from "../../src/sae/index.ts";
import { complaint } from "../data/helpers.ts";
import { cases } from "./cases.ts";

const dims = { inputDim: 16, latentDim: 32 };

test("rows shuffled at a time are recorded only where there are more", () => {
  const config = trainConfig({ ...dims, options: { k: 5 }, shuffleRows: 100 });
  expect(configToJson(fittedTo(config, 101)).shuffle_rows).toBe(100);
  expect(configToJson(fittedTo(config, 100))).toEqual(configToJson(trainConfig({ ...dims, options: { k: 5 } })));
  const usual = fittedTo(trainConfig({ ...dims, options: { k: 5 } }), 65537);
  expect(configFromJson(configToJson(usual), "a.safetensors")).toEqual(usual);
  expect(usual.shuffleRows).toBe(65536);
});

test("defaults are the experiment's", () => {
  // In files, what older versions do not know is left out where it has its default.
  expect(configToJson(trainConfig({ ...dims, options: { k: 5 } }))).toEqual({
    ...{ architecture: "topk", preset: "report", input_dim: 16, latent_dim: 32, epochs: 25, batch_size: 256 },
    ...{ learning_rate: 1e-3, optimizer: "adam", step: "dense", seed: 0 },
    ...{ k: 5, select: "magnitude", decoder_bias: false, unit_norm: "step" },
  });
});

test("the step is live rows where a batch leaves many latents out, of wide rows some, and where the loss allows it", () => {
  const step = (latentDim: number, request: Partial<TrainRequest> = {}) =>
    trainConfig({ ...dims, options: { k: 5 }, ...request, latentDim }).step;
  expect([step(119), step(120), step(2048), step(2048, { step: "dense" })]).toEqual(["dense", "live", "live", "dense"]);
  const wide = (inputDim: number, k: number) => step(2048, { inputDim, options: { k } });
  expect([wide(1023, 256), wide(1024, 256), wide(1024, 257)]).toEqual(["dense", "live", "dense"]);
  expect(step(2048, { architecture: "topk-relu" })).toBe("live");
  expect(step(2048, { auxK: 8 })).toBe("dense");
  expect(step(2048, { auxK: 8, step: "live" })).toBe("live");
  expect(() => step(2048, { step: "slow" })).toThrow("step must be one of live, dense, got slow");
});

test("the preset original has a decoder bias and unit rows at first only; options given win over both", () => {
  const options = (given: TrainRequest["options"]) =>
    trainConfig({ ...dims, preset: "original", options: { k: 5, ...given } }).options;
  expect(options({})).toMatchObject({ decoderBias: true, unitNorm: "init" });
  expect(options({ decoderBias: false })).toMatchObject({ decoderBias: false, unitNorm: "init" });
});

describe.each(cases)("$name", ({ config }) => {
  test("reads back from JSON as it was, whatever the order of keys", () => {
    const json = configToJson(config({ learningRate: 0.1 / 3 }));
    const back = Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(json))).reverse());
    expect(configFromJson(back, "a")).toEqual(config({ learningRate: 0.1 / 3 }));
    expect(Object.keys(json)).toEqual(Object.keys(json).sort());
    expect(Object.keys(json).every((key) => /^[a-z0-9_]+$/.test(key))).toBe(true);
  });
});

test("no option is named like another part of the configuration, in any spelling", () => {
  const { options: _, ...rest } = trainConfig({ ...dims, options: { k: 5 } });
  for (const { options } of Object.values(architectures))
    for (const name of Object.keys(options)) expect(rest).not.toHaveProperty(name);
});

test.each<[Partial<TrainRequest>, string]>([
  [{ architecture: "top-k" }, `architecture must be one of ${trainable.map(({ name }) => name).join(", ")}, got top-k`],
  [{ preset: "paper" }, "preset of topk must be one of report, original, got paper"],
  [{ preset: "toString" }, "preset of topk must be one of report, original, got toString"],
  [{ inputDim: 0 }, "inputDim must be an integer of at least 1, got 0"],
  [{ latentDim: 1.5 }, "latentDim must be an integer of at least 1, got 1.5"],
  [{ options: {} }, "k is missing: latents kept per row; architecture topk needs it"],
  [{ options: { k: 33 } }, "k must be an integer from 1 to latentDim = 32, got 33"],
  [{ options: { k: 0 } }, "k must be an integer from 1 to latentDim = 32, got 0"],
  [{ options: { k: 5, lambda: 3 } }, "architecture topk has no option lambda; it has k, select, decoderBias, unitNorm"],
  [{ options: { k: 5, constructor: 3 } as never }, "architecture topk has no option constructor"],
  [{ options: { k: 5, unitNorm: "always" } }, "unitNorm must be one of step, init, none, got always"],
  [{ options: { k: 5, decoderBias: "no" } }, "decoderBias must be true or false, got no"],
  [{ epochs: 0 }, "epochs must be an integer of at least 1, got 0"],
  [{ batchSize: 2.5 }, "batchSize must be an integer of at least 1, got 2.5"],
  [{ seed: -1 }, "seed must be an integer of at least 0, got -1"],
  [{ learningRate: Number.POSITIVE_INFINITY }, "learningRate must be a number above 0, got Infinity"],
])("refuses %j", (change, message) => {
  expect(complaint(() => trainConfig({ ...dims, options: { k: 5 }, ...change }))).toContain(message);
});
