import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { architectureOf } from "../../src/sae/spec.ts";
import { finishedTensors } from "../../src/train/finished.ts";
import { train } from "../../src/train/train.ts";
import { type HostTensor, sliceRows } from "../../src/util/tensor.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

/** Mean number of latents per row of the frozen SAE, on the rows it was trained on. */
async function l0Of(config: TrainConfig, x: HostTensor<"float32">): Promise<number> {
  const { state, loss } = await train(cpu, config, x, { threads: 1 });
  const blank = { epochsDone: config.epochs, dataDigest: "", layer: null, position: null, metrics: {} };
  const checkpoint: Checkpoint = { ...blank, config, loss, tensors: finishedTensors(config, state) };
  const data = { train: sliceRows(x, 0, 0), validation: x };
  const { metrics } = await evaluate(cpu, freeze(checkpoint, "autoencoder"), data, { threads: 1 });
  return metrics.l0_mean!;
}

const isCoefficient = (config: TrainConfig) => {
  const { sparsity, options } = architectureOf(config);
  return sparsity !== undefined && options[sparsity]!.type === "number";
};

describe("a sparsity coefficient moves L0, and never the other way", () => {
  const x = dictionaryRows(600, 16);
  // With a target L0 it is the target that does.
  const own = cases.filter(({ config }) => isCoefficient(config()) && !config().options.targetL0);
  test.each(own)("$name", async ({ config }) => {
    const l0: number[] = [];
    for (const lambda of [0, 0.01, 0.03, 0.1, 0.3])
      l0.push(
        await l0Of(
          config({ batchSize: 60, epochs: 40, learningRate: 3e-3, inputScale: "rows", options: { lambda } }),
          x,
        ),
      );
    for (const [i, one] of l0.slice(1).entries()) expect(one, l0.join(" ")).toBeLessThan(l0[i]!);
    expect(l0.at(-1), l0.join(" ")).toBeLessThan(l0[0]! / 2);
  });

  test.each(cases.filter(({ config }) => config().options.targetL0))(
    "$name ends near its target",
    async ({ config }) => {
      for (const targetL0 of [4, 8, 12]) {
        const l0 = await l0Of(
          config({ batchSize: 60, epochs: 60, learningRate: 3e-3, options: { targetL0, lambda: 1 } }),
          x,
        );
        expect(Math.abs(l0 / targetL0 - 1), `${l0} for ${targetL0}`).toBeLessThan(0.05);
      }
    },
  );
});
