import { describe, expect, test } from "vitest";
import { evaluate } from "../../../src/evaluate/evaluate.ts";
import { recoveredFrom, recoveryOf } from "../../../src/evaluate/truth/recovery.ts";
import { withTruth } from "../../../src/evaluate/truth/withTruth.ts";
import { freeze } from "../../../src/export/freeze.ts";
import { buildModel } from "../../../src/graph/build.ts";
import * as op from "../../../src/graph/ops.ts";
import { describedKeys } from "../../../src/metrics/index.ts";
import type { Model } from "../../../src/onnx/proto.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { wasm } from "../../../src/runtime/web.ts";
import { random } from "../../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../../src/util/tensor.ts";
import { sample } from "../../checkpoint/sample.ts";
import { matrix } from "../../data/helpers.ts";
import { cases } from "../../sae/cases.ts";
import { dictionaryRows } from "../../sae/dictionary.ts";

const inputDim = 16;
const one = { threads: 1 };

/** Random rows, of unequal lengths. */
function directions(count: number, seed: number, width = inputDim): HostTensor<"float32"> {
  const rng = random(seed, "recovery test");
  const data = Float32Array.from({ length: count * width }, () => rng.normal());
  return tensor("float32", [count, width], data);
}

/** By the definition, in plain float64. */
function plainly(features: HostTensor<"float32">, rows: HostTensor<"float32">) {
  const width = features.dims[1]!;
  const list = ({ data, dims }: HostTensor<"float32">) =>
    Array.from({ length: dims[0]! }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)));
  const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const best = list(features).map((f) =>
    Math.max(...list(rows).map((row) => dot(f, row) / Math.sqrt(dot(f, f) * dot(row, row)))),
  );
  return {
    recovered_features: best.filter((cosine) => cosine >= recoveredFrom).length,
    mean_max_cosine: best.reduce((sum, cosine) => sum + cosine, 0) / best.length,
  };
}

describe("recovery of directions", () => {
  test("by hand: cosines 1, 0.8 and -1", async () => {
    const features = matrix([1, 0], [0, 2], [-3, 0]);
    // The third feature's best is the second row: (-1, 0) . (3, 4) / 5 = -0.6 against -1 of the first.
    expect(await recoveryOf(cpu, features, matrix([10, 0], [3, 4]), one)).toEqual({
      recovered_features: 1,
      mean_max_cosine: expect.closeTo((1 + 0.8 - 0.6) / 3, 6),
    });
  });

  test.each([
    [0.9001, 1],
    [0.8999, 0],
  ])("a cosine of %d recovers %d features", async (cosine, recovered) => {
    const row = matrix([5 * cosine, 5 * Math.sqrt(1 - cosine ** 2)]);
    expect((await recoveryOf(cpu, matrix([1, 0]), row, one)).recovered_features).toBe(recovered);
  });

  test.each([
    ["cpu", cpu],
    ["wasm", wasm],
  ] as const)("equals its definition on %s, over more features than one run takes", async (_, runtime) => {
    // In four dims many random directions are near one another, so both keys are far from their ends.
    const [features, rows] = [directions(1500, 1, 4), directions(40, 2, 4)];
    const expected = plainly(features, rows);
    expect(expected.recovered_features).toBeGreaterThan(200);
    expect(expected.recovered_features).toBeLessThan(1300);
    const { recovered_features, mean_max_cosine } = await recoveryOf(runtime, features, rows, one);
    expect(recovered_features).toBe(expected.recovered_features);
    expect(mean_max_cosine).toBeCloseTo(expected.mean_max_cosine, 6);
  });

  test("nothing over- or underflows, and a row of zeros is near nothing", async () => {
    const rows = matrix([1e-30, 0], [0, 1e30], [0, 0]);
    expect(await recoveryOf(cpu, matrix([1e25, 0], [0, 1e-25]), rows, one)).toEqual({
      recovered_features: 2,
      mean_max_cosine: expect.closeTo(1, 6),
    });
    expect(await recoveryOf(cpu, matrix([1, 1]), matrix([0, 0]), one)).toEqual({
      recovered_features: 0,
      mean_max_cosine: 0,
    });
  });

  test("without directions nothing is recovered, and there is no cosine", async () => {
    const none = { recovered_features: 0, mean_max_cosine: null };
    expect(await recoveryOf(cpu, matrix([1, 0]), tensor("float32", [0, 2], new Float32Array()), one)).toEqual(none);
  });

  test("of another width are refused", async () => {
    const error = await recoveryOf(cpu, directions(3, 1), matrix([1, 0])).catch((thrown: Error) => thrown.message);
    expect(error).toBe("recovery: features are 16 wide, directions 2; are they of the same activations?");
  });
});

describe("recovery by a frozen autoencoder", () => {
  const x = dictionaryRows(130, inputDim, 4);
  const data = { train: sliceRows(x, 0, 90), validation: sliceRows(x, 90, 130) };
  const features = directions(32, 7);
  const measure = async (model: Model, trueFeatures: HostTensor<"float32"> | undefined) =>
    withTruth(
      ...([cpu, model, await evaluate(cpu, model, data, one), trueFeatures && { features: trueFeatures }] as const),
      ...([data.validation, one] as const),
    );
  /** An SAE whose decoder is the given directions. */
  const decoding = async (W_dec: HostTensor<"float32">, k = 4) => {
    const checkpoint = await sample(cases[0]!, 3, { options: { k } });
    return { ...checkpoint, tensors: { ...checkpoint.tensors, W_dec } };
  };

  test.each(["autoencoder", "evaluator"] as const)(
    "%s whose decoder is the dictionary recovers all of it when all latents fire",
    async (part) => {
      const { metrics, splits } = await measure(freeze(await decoding(features, 32), part), features);
      expect(metrics.num_active_features).toBe(32);
      expect(metrics.recovered_features).toBe(32);
      expect(metrics.mean_max_cosine).toBeCloseTo(1, 6);
      expect(splits).toMatchObject({ recovered_features: "all", mean_max_cosine: "all" });
    },
  );

  test("latents that never fire are left out", async () => {
    const checkpoint = await decoding(features);
    // Only latents 3, 8, 20 and 30 have a pre-activation other than 0, and k is 4.
    const live = [3, 8, 20, 30];
    const b_enc = tensor(
      "float32",
      [32],
      Float32Array.from({ length: 32 }, (_, i) => (live.includes(i) ? 1 : 0)),
    );
    const W_enc = tensor("float32", [32, inputDim], new Float32Array(32 * inputDim));
    const model = freeze({ ...checkpoint, tensors: { ...checkpoint.tensors, W_enc, b_enc } }, "autoencoder");
    const { metrics } = await measure(model, features);
    const data = Float32Array.from(live.flatMap((i) => [...features.data.subarray(i * inputDim, (i + 1) * inputDim)]));
    expect(metrics.recovered_features).toBe(4);
    expect(metrics.mean_max_cosine).toBeCloseTo(
      plainly(features, tensor("float32", [4, inputDim], data)).mean_max_cosine,
      6,
    );
  });

  test("a random decoder recovers nothing", async () => {
    const { metrics } = await measure(freeze(await decoding(directions(32, 8)), "autoencoder"), features);
    expect(metrics.recovered_features).toBe(0);
    expect(metrics.mean_max_cosine).toBeLessThan(0.7);
  });

  test("without a dictionary, or without W_dec, nothing is added", async () => {
    const { metrics } = await measure(freeze(await decoding(features), "autoencoder"), undefined);
    expect(metrics).not.toHaveProperty("recovered_features");
    const activations = op.input("float32", ["n", inputDim]);
    const outputs = { latents: op.relu(activations), reconstruction: op.mul(activations, 0.5) };
    const foreign = buildModel({ inputs: { activations }, outputs });
    expect((await measure(foreign, features)).metrics).not.toHaveProperty("mean_max_cosine");
  });
});

test("both keys are described", () => {
  expect(describedKeys.recovered_features).toMatchObject({ better: "higher", split: "all" });
  expect(describedKeys.mean_max_cosine?.definition).toContain("cosine");
});
