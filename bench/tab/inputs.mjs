// What every library in the tab trains on: the same rows in the same order, from the same weights.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packModel, readActivations, splitRows, takeRows, trainConfig, trainingGraph } from "sae-onnx";
import { shuffledBatches } from "../../dist/train/runs/batches.js";
import { initialState } from "../../dist/train/state.js";

const batchSize = 256;

/**
 * Writes into a folder: `rows` [256 steps, 512], `ordered` (as the first epoch trains on them), each weight, this project's training graph
 * of one step, and about.json with the sizes. Tensors are float32 alone.
 */
export async function writeInputs(folder, { latentDim, k, steps, epochs }) {
  mkdirSync(folder);
  const set = await readActivations("examples/data/use-lite-resid0-pos3.safetensors");
  const train = splitRows(set).train.slice(0, batchSize * steps);
  if (train.length < batchSize * steps) throw new Error(`there are rows for ${Math.floor(train.length / 256)} steps`);
  const rows = takeRows(set.activations, train);
  const config = trainConfig({ inputDim: 512, latentDim, options: { k }, epochs, batchSize });
  const dense = { ...config, step: "dense", retire: undefined };
  const state = initialState(dense, rows);
  const { order } = shuffledBatches(config, train.length, [0]);
  const { bytes, external } = packModel(trainingGraph(dense, "single"));
  if (external.length > 0) throw new Error("the training graph has external weights");
  writeFileSync(join(folder, "step.onnx"), bytes);
  const tensors = { rows, ordered: takeRows(rows, Uint32Array.from(order, Number)), ...state };
  for (const [name, { data }] of Object.entries(tensors)) writeFileSync(join(folder, `${name}.bin`), data);
  const shapes = Object.fromEntries(Object.entries(state).map(([name, { dims }]) => [name, dims]));
  const about = { config, batchSize, steps, k, latentDim, inputDim: 512, epochs, shapes };
  writeFileSync(join(folder, "about.json"), JSON.stringify(about));
}
