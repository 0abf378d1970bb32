import fc from "fast-check";
import { expect, test } from "vitest";
import { type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { configToJson } from "../../src/config/json.ts";
import { stemsOf } from "../../src/record/names.ts";

const config = (request: Partial<TrainRequest> & { k?: number } = {}) => {
  const { k = 5, options, ...rest } = request;
  return trainConfig({ inputDim: 16, latentDim: 512, ...rest, options: { k, ...options } });
};

test("a grid of sizes has the names it always had, also where the step follows from them", () => {
  const configs = [512, 1024].flatMap((latentDim) => [5, 100].map((k) => config({ latentDim, k })));
  expect(new Set(configs.map(({ step }) => step)).size).toBe(2);
  expect(stemsOf("sae", configs)).toEqual(["sae_d512_k5", "sae_d512_k100", "sae_d1024_k5", "sae_d1024_k100"]);
  expect(
    stemsOf(
      "sae",
      [0, 1].map((seed) => config({ seed })),
    ),
  ).toEqual(["sae_d512_k5_s0", "sae_d512_k5_s1"]);
  expect(stemsOf("sae", [config({ seed: 7, learningRate: 0.1 })])).toEqual(["sae_d512_k5"]);
});

test("what else differs stands behind the sizes, the seed last", () => {
  const rates = [1e-3, 3e-4].flatMap((learningRate) => [0, 1].map((seed) => config({ learningRate, seed })));
  expect(stemsOf("sae", rates)).toEqual([
    ...["sae_d512_k5_lr0.001_s0", "sae_d512_k5_lr0.001_s1", "sae_d512_k5_lr0.0003_s0", "sae_d512_k5_lr0.0003_s1"],
  ]);
  const selects = ["magnitude", "value"].map((select) => config({ options: { select }, epochs: 3 }));
  expect(stemsOf("a", selects)).toEqual(["a_d512_k5_select-magnitude", "a_d512_k5_select-value"]);
  const both = [config({ epochs: 3 }), config({ learningRate: 0.01, batchSize: 64, epochs: 3 })];
  expect(stemsOf("a", both)).toEqual(["a_d512_k5_batch-size256_lr0.001", "a_d512_k5_batch-size64_lr0.01"]);
});

test("how the step is written stands there only where nothing else differs", () => {
  expect(
    stemsOf(
      "a",
      ["live", "dense"].map((step) => config({ step })),
    ),
  ).toEqual([...["a_d512_k5_step-live", "a_d512_k5_step-dense"]]);
});

test("two configurations that differ in anything have two names, of plain characters", () => {
  const some = <T>(...values: T[]) => fc.constantFrom<T | undefined>(undefined, ...values);
  const request = fc.record({
    architecture: fc.constantFrom("topk", "topk-relu"),
    preset: fc.constant(undefined),
    inputDim: fc.constantFrom(8, 16),
    latentDim: fc.constantFrom(16, 512),
    k: fc.constantFrom(1, 5),
    epochs: some(1, 11),
    batchSize: some(1, 64),
    learningRate: fc.oneof(some(1e-3, 0.1), fc.double({ min: 1e-12, max: 1e22, noNaN: true })),
    step: some("dense"),
    shuffleRows: some(5, 100),
    seed: some(0, 1, 11),
    decoderBias: some(true, false),
    select: some("magnitude", "value"),
    unitNorm: some("step", "init", "none"),
  });
  fc.assert(
    fc.property(request, request, (one, two) => {
      // Each key changed alone, and all of them.
      const changed = Object.entries(two).map(([key, value]) => ({ ...one, [key]: value }) as typeof one);
      const configs = [one, ...changed, two].map(({ k, decoderBias, select, unitNorm, ...rest }) => {
        const own = rest.architecture === "topk" ? { decoderBias, select, unitNorm } : {};
        const options = Object.fromEntries(Object.entries({ k, ...own }).filter(([, value]) => value !== undefined));
        return trainConfig({ ...rest, options } as TrainRequest);
      });
      const names = stemsOf("sae", configs);
      const different = new Set(configs.map((one) => JSON.stringify(configToJson(one))));
      expect(new Set(names).size).toBe(different.size);
      for (const name of names) expect(name).toMatch(/^[\w.+~-]+$/);
    }),
  );
});
