/** @file What the tests of calibration share: rows, an SAE with a threshold, and how many latents it keeps once frozen. */
import { type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { freeze } from "../../src/export/freeze.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { finishedTensors } from "../../src/train/finished.ts";
import type { TrainState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";

/** Rows of a few true features and much noise, which a training learns by heart. */
export function noisyRows(count: number, dims = 32): HostTensor<"float32"> {
  const rng = random(5, "calibrate");
  const features = Array.from({ length: 48 }, () => Array.from({ length: dims }, () => rng.normal()));
  const data = new Float32Array(count * dims);
  for (let row = 0; row < count; row++) {
    for (const feature of features)
      if (rng.uniform() < 0.06) {
        const size = 0.5 + rng.uniform();
        for (let i = 0; i < dims; i++) data[row * dims + i]! += size * feature[i]!;
      }
    for (let i = 0; i < dims; i++) data[row * dims + i]! += 0.8 * rng.normal();
  }
  return tensor("float32", [count, dims], data);
}

export const request = { architecture: "batchtopk", inputDim: 32, latentDim: 128, options: { k: 8 }, batchSize: 64 };
export const config = (change: Partial<TrainRequest> = {}) => trainConfig({ ...request, epochs: 10, ...change });
/** Mean number of latents that a frozen SAE has on some rows. */
export async function l0(
  change: Partial<TrainRequest>,
  state: TrainState,
  rows: HostTensor<"float32">,
): Promise<number> {
  const checkpoint = {
    ...{ config: config(change), tensors: finishedTensors(config(change), state), epochsDone: 10, loss: [] },
    ...{ dataDigest: "", layer: null, position: null, metrics: {} },
  };
  const session = await cpu.open(packModel(freeze(checkpoint, "encoder")), { threads: 1 });
  const { latents } = await session.run({ activations: rows }).finally(() => session.release());
  return (latents!.data as Float32Array).filter((v) => v !== 0).length / rows.dims[0]!;
}

/**
 * How far new rows are from keeping k, relative to it, after so many epochs over 4,000 rows: 29 steps each with a tenth held out, 32
 * without. At first the mean over batches lags behind weights that still move, and lets too few through. Later the rows are known by
 * heart, and it lets too many through.
 */
export async function offBy(epochs: number, calibrate: number): Promise<number> {
  const all = noisyRows(6000);
  const change = { batchSize: 125, latentDim: 256, learningRate: 3e-3, epochs, calibrate };
  const { state } = await train(cpu, config(change), sliceRows(all, 0, 4000), { threads: 1 });
  return Math.abs((await l0(change, state, sliceRows(all, 4000, 6000))) / 8 - 1);
}
