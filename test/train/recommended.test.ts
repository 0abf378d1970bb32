import { expect, test } from "vitest";
import { type TrainConfig, trainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { trainable } from "../../src/sae/index.ts";
import { train } from "../../src/train/train.ts";
import { exampleOptions } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(600, 16);

/** Centred explained variance of a finished SAE on the rows it was trained on. */
async function explained(config: TrainConfig): Promise<number> {
  const { state: tensors, loss } = await train(cpu, config, x, { threads: 1 });
  const checkpoint = { config, tensors, epochsDone: config.epochs, loss, dataDigest: "", layer: null, position: null };
  const autoencoder = freeze({ ...checkpoint, metrics: {} }, "autoencoder");
  const { metrics } = await evaluate(cpu, autoencoder, { train: x, validation: x }, { threads: 1 });
  return Number(metrics.explained_variance_centered);
}

test.each(trainable.map(({ name }) => name))("%s has a preset recommended, which trains and explains", async (name) => {
  const config = (preset: string) =>
    trainConfig({
      ...{ architecture: name, preset, inputDim: 16, latentDim: 64, batchSize: 24, epochs: 20 },
      // For inputs of one scale: rows of 16 dims have larger entries than rows of hundreds.
      options: { ...exampleOptions(name, 64, 4), ...(name === "jumprelu" ? { targetL0: 4 } : {}) },
    });
  const found = await explained(config("recommended"));
  expect(found).toBeGreaterThan(0.5);
});
