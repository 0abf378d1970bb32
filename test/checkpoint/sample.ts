import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { train } from "../../src/train/train.ts";
import type { Case } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

/** A checkpoint of a case after `epochsDone` epochs on made-up rows. */
export async function sample(
  { config: configOf }: Case,
  epochsDone = 3,
  change: Parameters<Case["config"]>[0] = {},
): Promise<Checkpoint> {
  const config = configOf(change);
  const x = dictionaryRows(100, config.inputDim);
  const { state, loss } = await train(cpu, config, x, {
    threads: 1,
    onRun: async (now) => now.epochsDone < epochsDone,
  });
  return {
    ...{ config, tensors: state, epochsDone, loss, dataDigest: "ab12", layer: 3, position: null },
    metrics: epochsDone === config.epochs ? { explained_variance: 0.5, median_activation: null } : {},
  };
}
