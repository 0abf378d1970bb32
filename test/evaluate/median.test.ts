import { expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { PositiveMedian } from "../../src/evaluate/median.ts";
import { freeze } from "../../src/export/freeze.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { initialState } from "../../src/train/state.ts";
import { random } from "../../src/util/random.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const rng = random(3, "median");
const draw = (count: number, one: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => one(i));
const cases: Record<string, Float32Array> = {
  "spread over magnitudes": draw(5001, () => Math.exp(3 * rng.normal())),
  "an even number": draw(4000, () => Math.abs(rng.normal())),
  "close together": draw(3000, () => 1 + 1e-6 * rng.uniform()),
  "of either sign, and zeros": draw(3000, (i) => (i % 3 === 0 ? 0 : rng.normal())),
  "all the same": draw(1000, () => 0.3),
  "denormals among zeros": draw(2001, (i) => (i % 2) * 1e-42 * (1 + rng.uniform())),
  "half of them infinite": draw(1000, (i) => (i % 2 === 0 ? Number.POSITIVE_INFINITY : rng.uniform())),
  "most of them infinite": draw(1000, (i) => (i % 3 === 0 ? rng.uniform() : Number.POSITIVE_INFINITY)),
  "one alone": Float32Array.of(-1, 0, 2, Number.NaN),
  none: Float32Array.of(-1, 0, -0, Number.NaN),
};

/** Its definition: the lower of the middle two of the sorted numbers. */
function sorted(numbers: Float32Array): number {
  const positive = numbers.filter((v) => v > 0).sort();
  return positive[Math.floor((positive.length - 1) / 2)] ?? Number.NaN;
}

test.each(Object.entries(cases))("%s: sorted and counted give the same number, to the bit", (_, numbers) => {
  for (const mostKept of [0, 100, 1e6]) {
    const median = new PositiveMedian({ mostKept });
    const addAll = () => {
      for (let at = 0; at < numbers.length; at += 70) median.add(numbers.subarray(at, at + 70));
    };
    addAll();
    const positive = numbers.filter((v) => v > 0).length;
    const again = median.again();
    expect(again, `of ${positive} at most ${mostKept} are kept`).toBe(positive > mostKept);
    if (again) addAll();
    expect(median.value()).toBe(sorted(numbers));
  }
});

test("an evaluation of more than a million kept latents gives their median", async () => {
  const config = trainConfig({ inputDim: 16, latentDim: 256, options: { k: 200 } });
  const rows = dictionaryRows(5400, 16, 4);
  const tensors = initialState(config, rows);
  const kept = { config, tensors, epochsDone: 0, loss: [], dataDigest: "", layer: null, position: null, metrics: {} };
  const model = freeze(kept satisfies Checkpoint, "autoencoder");
  const data = { train: sliceRows(rows, 0, 100), validation: sliceRows(rows, 100, 5400) };

  const session = await cpu.open(packModel(model));
  const { top_values } = await session.run({ activations: data.validation });
  await session.release();
  const magnitudes = (top_values!.data as Float32Array).map(Math.abs);
  expect(magnitudes.length).toBeGreaterThan(2 ** 20);

  const { metrics } = await evaluate(cpu, model, data);
  expect(metrics.median_activation).toBe(sorted(magnitudes));
});
