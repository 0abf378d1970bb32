import { describe, expect, test } from "vitest";
import { fittedTo, type TrainRequest, timedFor, trainConfig } from "../../src/config/config.ts";
import { configFromJson, configToJson } from "../../src/config/json.ts";
import { trainOptions } from "../../src/config/trainOptions.ts";
import { architectures, trainable } from "../../src/sae/index.ts";
import { sizesIn } from "../../src/util/sizes.ts";
import { complaint } from "../data/helpers.ts";
import { cases } from "./cases.ts";

const dims = { inputDim: 16, latentDim: 32 };

test.each([
  ["8:16", 32, [8, 16, 32]],
  ["8:32", 32, [8, 32]],
  ["32", 32, [32]],
  ["0.25:0.5", 32, [8, 16, 32]],
  ["0.03125:0.09375:0.21875:0.46875", 8, [1, 2, 4, 8]],
  ["4:0.5", 32, undefined],
] as const)("nested sizes %s of %d are %j", (text, whole, sizes) => {
  if (sizes) expect(sizesIn("nested", text, whole)).toEqual(sizes);
  else expect(() => sizesIn("nested", text, whole)).toThrow("0.5 follows 4");
});

test("an architecture's own defaults of training hold where nothing else is said, and files say them", () => {
  const config = (request: Partial<TrainRequest>) =>
    trainConfig({ ...dims, architecture: "jumprelu", options: { lambda: 0.1 }, ...request });
  expect([config({}).inputScale, config({ inputScale: "none" }).inputScale]).toEqual(["rows", "none"]);
  for (const one of [config({}), config({ inputScale: "none" })]) {
    expect(configToJson(one)).toHaveProperty("input_scale", one.inputScale);
    expect(configFromJson(configToJson(one), "a")).toEqual(one);
  }
  for (const { name, presets, training } of trainable)
    for (const preset of Object.keys(presets))
      expect(Object.keys(trainOptions), `${name} ${preset}`).toEqual(
        expect.arrayContaining(Object.keys(training?.({ ...presets[preset] }, { preset, dims }) ?? {})),
      );
});

test("a preset's defaults of training make room for what is asked for", () => {
  const config = (request: Partial<TrainRequest>) =>
    trainConfig({ ...dims, architecture: "topk", preset: "recommended", options: { k: 5 }, ...request });
  expect(config({})).toMatchObject({ learningRate: 4e-3, schedule: "linear", decay: 0.2, tiedStart: "yes" });
  expect(config({ learningRate: 1e-3, schedule: "constant" })).toMatchObject({ learningRate: 1e-3, decay: 1 });
  expect(config({ initFrom: "a".repeat(64) })).toMatchObject({ tiedStart: "own", biasStart: "own", auxK: 8 });
  expect(config({ outputDim: 24 })).toMatchObject({ tiedStart: "own", biasStart: "mean" });
  // In a short training nothing can die: that is refused only where AuxK was asked for.
  expect(timedFor(config({ epochs: 1 }), 24).totalSteps).toBe(1);
  expect(complaint(() => timedFor(config({ epochs: 1, auxK: 7 }), 24))).toMatch(/^auxK: a latent is dead after/);
  for (const one of [config({}), config({ schedule: "constant" })])
    expect(configFromJson(configToJson(one), "a")).toEqual(one);
});

test.each([{ beta1: 0 }, { beta2: 0.01 }, { optimizer: "momentum", momentum: 0 }] as const)(
  "step live refuses %j, with which moments are gone at once; without --step such a training is dense",
  (change) => {
    const request = { ...dims, latentDim: 2048, options: { k: 5 }, ...change };
    expect(trainConfig(request).step).toBe("dense");
    expect(complaint(() => trainConfig({ ...request, step: "live" }))).toMatch(
      /needs .* of at least 0.05; use step dense/,
    );
  },
);

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
  [{ preset: "paper" }, "preset of topk must be one of report, original, recommended, got paper"],
  [{ preset: "toString" }, "preset of topk must be one of report, original, recommended, got toString"],
  [{ inputDim: 0 }, "inputDim must be an integer of at least 1, got 0"],
  [{ latentDim: 1.5 }, "latentDim must be an integer of at least 1, got 1.5"],
  [{ options: {} }, "k is missing: latents kept per row; architecture topk needs it"],
  [{ options: { k: 33 } }, "k must be an integer from 1 to latentDim = 32, got 33"],
  [{ options: { k: 0 } }, "k must be an integer from 1 to latentDim = 32, got 0"],
  [{ options: { k: 5, lambda: 3 } }, "architecture topk has no option lambda; it has k, select, decoderBias, unitNorm"],
  [{ options: { k: 5, constructor: 3 } as never }, "architecture topk has no option constructor"],
  [{ options: { k: 5, unitNorm: "always" } }, "unitNorm must be one of step, init, none, got always"],
  [{ options: { k: 5, decoderBias: "no" } }, "decoderBias must be true or false, got no"],
  [
    { architecture: "relu-l1", options: { lambda: 1, k: 5 } },
    "architecture relu-l1 has no option k; it has lambda, penalty",
  ],
  [
    { architecture: "jumprelu", preset: "rajamanoharan2024-target", options: { targetL0: 33 } },
    "targetL0 must be a number from 0 to latentDim = 32, got 33",
  ],
  [
    { architecture: "jumprelu", preset: "recommended", latentDim: 8, options: {} },
    "targetL0 must be a number from 0 to latentDim = 8, got 20, the preset's own; give another targetL0",
  ],
  [
    { architecture: "jumprelu", options: { lambda: 1, targetL0: 5 } },
    "targetL0 is for penalty quadratic, penalty is step",
  ],
  [
    { architecture: "jumprelu", options: { lambda: 1, penalty: "quadratic" } },
    "penalty quadratic needs targetL0, the L0 it leads to; give it, above 0",
  ],
  [{ architecture: "matryoshka", options: { k: 5, nested: "8:4" } }, "got 8:4: 4 follows 8"],
  [{ architecture: "matryoshka", options: { k: 5, nested: "8:8" } }, "got 8:8: 8 follows 8"],
  [{ architecture: "matryoshka", options: { k: 5, nested: "8:64" } }, "got 8:64: 64 is more than latentDim = 32"],
  [{ architecture: "matryoshka", options: { k: 5, nested: "8:1.5" } }, `"1.5" is neither a whole number nor a share`],
  [{ architecture: "matryoshka", options: { k: 5, nested: "0.5:8" } }, "of latentDim = 32 that is 16:8"],
  [{ architecture: "matryoshka", options: { k: 5, nested: "" } }, `"" is neither a whole number nor a share`],
  [{ architecture: "matryoshka", options: { k: 5, nested: 8 } }, "got 8: no text"],
  [
    { architecture: "groupmax", options: { k: 5 } },
    "groupmax needs groups of one size: latentDim = 32 is no multiple of k = 5; change one of them",
  ],
  [
    { architecture: "groupmax", options: { k: 4 }, sparsityWarmup: 0.5 },
    "architecture groupmax has no sparsity to warm up; leave sparsityWarmup out",
  ],
  [{ architecture: "matching-pursuit", options: { k: 65 } }, "k must be an integer from 1 to 64, got 65"],
  [{ architecture: "matching-pursuit", options: { k: 33 } }, "k must be at most latentDim = 32, got 33"],
  [{ architecture: "matching-pursuit", outputDim: 16 }, "matching-pursuit takes decoder rows off its input"],
  [
    { architecture: "matching-pursuit", tiedStart: "yes" },
    "tiedStart is for an encoder W_enc, which matching-pursuit has not",
  ],
  [{ epochs: 0 }, "epochs must be an integer of at least 1, got 0"],
  [{ batchSize: 2.5 }, "batchSize must be an integer of at least 1, got 2.5"],
  [{ seed: -1 }, "seed must be an integer of at least 0, got -1"],
  [{ learningRate: Number.POSITIVE_INFINITY }, "learningRate must be a number above 0, got Infinity"],
])("refuses %j", (change, message) => {
  expect(complaint(() => trainConfig({ ...dims, options: { k: 5 }, ...change }))).toContain(message);
});
