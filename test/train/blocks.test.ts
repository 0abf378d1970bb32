import { describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/node.ts";
import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/sae/config.ts";
import { train } from "../../src/train/train.ts";
import { trainingGraph } from "../../src/train/trainer.ts";
import { sparseRows } from "../cli/run.ts";

/** Matrices of 600 x 512: cut into blocks of 512 and 88 rows; the last batch of an epoch is partial. */
const cases: [string, Partial<TrainRequest>][] = [
  ["preset report", { options: { k: 20 } }],
  ["preset original", { preset: "original", options: { k: 20 } }],
  ["topk-relu with its auxiliary loss", { architecture: "topk-relu", options: { k: 20, auxK: 30, deadSteps: 2 } }],
];

describe.each(cases)("in blocks, %s", (_name, request) => {
  const data = sparseRows(200, 512);
  const [config, reference] = ["blocks", "dense"].map((step) =>
    trainConfig({ ...{ inputDim: 512, latentDim: 600, batchSize: 64, epochs: 2 }, ...request, step }),
  ) as [TrainConfig, TrainConfig];

  test("its matrices, and their slots, are carried in two blocks each", () => {
    const loopOf = (one: TrainConfig) => trainingGraph(one).graph!.node!.find(({ opType }) => opType === "Loop")!;
    expect(loopOf(config).input!.length - loopOf(reference).input!.length).toBe(2 * 3);
    expect(loopOf(config).attribute![0]!.g!.node!.filter(({ output }) => output![0]!.includes("W_dec.1"))).not.toEqual(
      [],
    );
  });

  test("two epochs give the bytes of the dense form", async () => {
    const dense = await train(cpu, reference, data, { threads: 1 });
    const blocks = await train(cpu, config, data, { threads: 1 });
    expect(blocks).toEqual(dense);
  });
});
