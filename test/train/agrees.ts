import { expect } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { shuffledBatches } from "../../src/train/runs/batches.ts";
import type { TrainState } from "../../src/train/state.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { WrapperName } from "../../src/train/wrappers/index.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

export const x = dictionaryRows(100, 16);

/** Largest difference of two states' entries. */
export const apart = (a: TrainState, b: TrainState): number =>
  Math.max(
    ...Object.entries(a).map(([name, { data }]) =>
      data.reduce((most, v, i) => Math.max(most, Math.abs(v - b[name]!.data[i]!)), 0),
    ),
  );

/** Two epochs; the state after the full batches of the first, and after all. */
export async function trained(runtime: Runtime, config: TrainConfig, wrapper?: WrapperName) {
  const trainer = await Trainer.open(runtime, config, x, { threads: 1, ...(wrapper ? { wrapper } : {}) });
  try {
    const { order, bounds } = shuffledBatches(config, x.dims[0]!, [0, 1]);
    const full = bounds.findIndex(({ from, to }) => to - from < config.batchSize);
    const first = await trainer.run({ order, bounds: bounds.slice(0, full) });
    const afterFull = trainer.state;
    const rest = await trainer.run({ order, bounds: bounds.slice(full) });
    return { afterFull, state: trainer.state, losses: [...first, ...rest] };
  } finally {
    await trainer.release();
  }
}

/** Trained and evaluated there as on the CPU. */
export async function agrees(runtime: Runtime, config: TrainConfig, tolerance: number) {
  const [here, there] = [await trained(cpu, config), await trained(runtime, config)];
  for (const [i, loss] of here.losses.entries()) expect(Math.abs(there.losses[i]! / loss - 1)).toBeLessThan(tolerance);
  expect(apart(there.state, here.state)).toBeLessThan(tolerance);
  const checkpoint: Checkpoint = {
    ...{
      config,
      tensors: there.state,
      epochsDone: 3,
      loss: [],
      dataDigest: "",
      layer: null,
      position: null,
      metrics: {},
    },
  };
  const model = freeze(checkpoint, "autoencoder");
  const data = { train: sliceRows(x, 0, 60), validation: sliceRows(x, 60, 100) };
  const [native, other] = [await evaluate(cpu, model, data), await evaluate(runtime, model, data, { batchSize: 32 })];
  for (const [key, value] of Object.entries(native.metrics))
    expect(Math.abs(other.metrics[key]! - value!), key).toBeLessThanOrEqual(1e-4 * Math.max(1e-3, Math.abs(value!)));
}
