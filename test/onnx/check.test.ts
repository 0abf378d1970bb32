import { describe, expect, test } from "vitest";
import { type StepName, type TrainConfig, trainConfig } from "../../src/config/config.ts";
import { freeze, type Part, parts } from "../../src/export/freeze.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { scope, type Value } from "../../src/graph/value.ts";
import { checkModel, requireFit } from "../../src/onnx/check.ts";
import { kernelProviders } from "../../src/onnx/kernels.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { capabilities } from "../../src/runtime/capabilities.ts";
import { initialState } from "../../src/train/state.ts";
import { trainingGraph } from "../../src/train/trainer.ts";
import { tensor } from "../../src/util/tensor.ts";
import { exampleOptions, presets, timing } from "../sae/cases.ts";

const configOf = (architecture: string, preset: string, step?: StepName): TrainConfig =>
  trainConfig({
    architecture,
    preset,
    inputDim: 8,
    latentDim: 16,
    options: exampleOptions(architecture, 16, 3, preset),
    batchSize: 4,
    ...timing(architecture),
    ...(step ? { step } : {}),
  });

const frozen = (config: TrainConfig, part: Part): Model => {
  const tensors = initialState(config, tensor("float32", [4, 8], new Float32Array(32).fill(1)));
  return freeze(
    { config, tensors, epochsDone: 0, loss: [], dataDigest: "", layer: null, position: null, metrics: {} },
    part,
  );
};

describe.each(presets)("$architecture $preset", ({ architecture, preset }) => {
  test.each(Object.keys(parts) as Part[])("its frozen %s runs whole on every provider", (part) => {
    const model = frozen(configOf(architecture, preset), part);
    for (const provider of kernelProviders) expect(checkModel(model, provider)).toEqual([]);
  });

  test.each(["cpu", "wasm", "cuda", "webgpu"] as const)(
    "the training graph made for %s runs whole there",
    (provider) => {
      const { defaultStep, wrapper } = capabilities[provider];
      const model = trainingGraph(configOf(architecture, preset, defaultStep ?? undefined), wrapper);
      expect(checkModel(model, provider)).toEqual([]);
    },
  );

  test.each(["dense", "live"] as const)("its %s training graph runs whole where Loop does", (step) => {
    let config: TrainConfig;
    try {
      config = configOf(architecture, preset, step);
    } catch {
      return expect(step).toBe("live"); // Not every architecture has live rows.
    }
    const model = trainingGraph(config);
    for (const provider of ["cpu", "wasm"] as const) expect(checkModel(model, provider)).toEqual([]);
    expect(checkModel(model, "webgpu").map(({ op }) => op)).toContain("Loop");
  });
});

const x = () => op.input("float32", [2, 3]);
const modelOf = (inputs: Record<string, Value>, y: Value) => buildModel({ inputs, outputs: { y } });

test("names the node, its type and what to do", () => {
  const [a, b] = [op.input("int64", [2]), op.input("int64", [2])];
  const model = modelOf(
    { a, b },
    scope("encode", () => op.add(a, b)),
  );
  expect(checkModel(model, "cpu")).toEqual([]);
  expect(() => requireFit(model, "webgpu", "a.onnx")).toThrow(
    "a.onnx: encode/Add_0: Add on int64 does not fit webgpu: no kernel for this type; there is one for f32 f16 i32",
  );
});

test("finds types the file does not say, looks into bodies, and refuses other opsets and domains", () => {
  const a = x();
  const model = modelOf({ a }, op.cast(op.nonZero(op.relu(a)), "float32"));
  const bare = { ...model, graph: { ...model.graph, valueInfo: [] } };
  expect(checkModel(bare, "webgpu").map(({ op, type }) => `${op} ${type}`)).toEqual([
    "NonZero float32",
    "Cast int64 to float32",
  ]);
  const live = trainingGraph(configOf("topk", "report", "live"));
  expect(checkModel(live, "webgpu").some(({ op, node }) => op === "NonZero" && node.includes("/"))).toBe(true);
  expect(() => checkModel({ ...model, opsetImport: [{ domain: "", version: 21 }] }, "cpu")).toThrow("opset 21");
  const [node] = model.graph!.node!;
  const foreign = { ...model, graph: { ...model.graph, node: [{ ...node, domain: "com.microsoft" }] } };
  expect(checkModel(foreign, "cpu")[0]?.why).toMatch("com.microsoft");
});
